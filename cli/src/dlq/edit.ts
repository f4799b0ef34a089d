import { createHash } from 'node:crypto';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import type { Kafka, OutgoingRecord, Producer, ReceivedRecord } from '@orderflow/messaging';
import { auditRecord, sendAudit, whoAmI } from '../audit.ts';
import { CommandError } from '../cli.ts';
import { formatPosition, type Letters, labelOf } from './dead-letter.ts';
import { decode, isUsableOrderId } from './decode.ts';
import { toReplay } from './replayed.ts';

/** An edited dead letter, and its audit record. */
export interface Edit {
  readonly record: OutgoingRecord;
  readonly audit: OutgoingRecord;
}

/**
 * Replaces the content of a dead letter with `value`.
 * @throws CommandError when `value` is not an order, or has another order id.
 */
export function editLetter(letter: ReceivedRecord, value: Buffer, letters: Letters, now: Date): Edit {
  const edited = decode(value, {});
  if (!edited.ok) throw new CommandError(`The file is not an order: ${edited.problem}.`);
  if (!isUsableOrderId(edited.orderId)) {
    throw new CommandError('The file has no order id of 1 to 64 characters of A-Z a-z 0-9 . _ : -');
  }
  const id = orderIdOf(letter);
  if (id !== undefined && id !== edited.orderId) {
    throw new CommandError(
      `The file is order ${edited.orderId}, the dead letter ${formatPosition(letter)} is order ${id}: ` +
        'an edit must keep the order id. Send another order as a new record.',
    );
  }
  const original = toReplay(letter, letters);
  return {
    record: {
      ...original,
      value,
      headers: {
        ...original.headers,
        // The original headers may have been the problem.
        'content-type': edited.format.startsWith('protobuf') ? 'application/protobuf' : 'application/json',
        ...(letter.headers['ce_type'] !== undefined && { ce_type: OrderSubmittedSchema.typeName }),
        dlq_edited_by: whoAmI().user,
      },
    },
    audit: auditRecord(
      edited.orderId,
      {
        action: 'dead_letter_edited',
        order_id: edited.orderId,
        dead_letter: `${letters.topic}/${formatPosition(letter)}`,
        reason: labelOf(letter).reason,
        old_sha256: letter.value === null ? null : sha256(letter.value),
        new_sha256: sha256(value),
      },
      now,
    ),
  };
}

/** Sends both, the audit record first: nothing is edited that is not audited. */
export async function sendEdit({ record, audit }: Edit, kafka: Kafka, producer: Producer): Promise<void> {
  await sendAudit(audit, kafka, producer);
  await producer.send([record]);
}

/** The order id of the dead letter, as far as it can be read. */
function orderIdOf({ value, headers }: ReceivedRecord): string | undefined {
  const decoded = decode(value, headers);
  const ids = [decoded.ok ? decoded.orderId : undefined, headers['ce_subject']];
  return ids.find(isUsableOrderId);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
