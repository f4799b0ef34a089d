import { createHash } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { topics } from '@orderflow/contracts';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import {
  ensureTopics,
  type Kafka,
  type OutgoingRecord,
  type Producer,
  type ReceivedRecord,
} from '@orderflow/messaging';
import { CommandError } from '../cli.ts';
import { formatPosition, type Letters, labelOf } from './dead-letter.ts';
import { decode, isUsableOrderId } from './decode.ts';
import { toReplay } from './replayed.ts';

/** Who edited what: JSON, keyed by order id, kept for ever. */
export const auditTopic = `${topics.orders}.audit`;

/** A dead letter with another content, and what is to be remembered about it. */
export interface Edit {
  readonly record: OutgoingRecord;
  readonly audit: OutgoingRecord;
}

/**
 * The dead letter with `value` in place of its content.
 * @throws CommandError when `value` is no order, or is another order than the one set aside.
 */
export function editLetter(letter: ReceivedRecord, value: Buffer, letters: Letters, now: Date): Edit {
  const edited = decode(value, {});
  if (!edited.ok) throw new CommandError(`The file is no order: ${edited.problem}.`);
  if (!isUsableOrderId(edited.orderId)) {
    throw new CommandError('The file has no order id of 1 to 64 characters of A-Z a-z 0-9 . _ : -');
  }
  const id = orderIdOf(letter);
  if (id !== undefined && id !== edited.orderId) {
    throw new CommandError(
      `The file is order ${edited.orderId}, the dead letter ${formatPosition(letter)} is order ${id}: ` +
        'an edit must keep the order id. Send another order as a record of its own.',
    );
  }
  const user = userInfo().username;
  const original = toReplay(letter, letters);
  return {
    record: {
      ...original,
      value,
      headers: {
        ...original.headers,
        // Those of the original may be what was wrong with it.
        'content-type': edited.format.startsWith('protobuf') ? 'application/protobuf' : 'application/json',
        ...(letter.headers['ce_type'] !== undefined && { ce_type: OrderSubmittedSchema.typeName }),
        dlq_edited_by: user,
      },
    },
    audit: {
      topic: auditTopic,
      key: edited.orderId,
      value: JSON.stringify({
        action: 'dead_letter_edited',
        time: now.toISOString(),
        user,
        host: hostname(),
        order_id: edited.orderId,
        dead_letter: `${letters.topic}/${formatPosition(letter)}`,
        reason: labelOf(letter).reason,
        old_sha256: letter.value === null ? null : sha256(letter.value),
        new_sha256: sha256(value),
      }),
      headers: { 'content-type': 'application/json' },
    },
  };
}

/** Sends both, the audit record first: nothing is edited that is not written down. */
export async function sendEdit({ record, audit }: Edit, kafka: Kafka, producer: Producer): Promise<void> {
  await ensureTopics(kafka, [{ name: auditTopic, partitions: 1, retention: 'unlimited' }]);
  await producer.send([audit]);
  await producer.send([record]);
}

/** The order that was set aside, as far as anybody can tell. */
function orderIdOf({ value, headers }: ReceivedRecord): string | undefined {
  const decoded = decode(value, headers);
  const ids = [decoded.ok ? decoded.orderId : undefined, headers['ce_subject']];
  return ids.find(isUsableOrderId);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
