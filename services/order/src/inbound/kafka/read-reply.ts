import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { decodeMessage, isOrderId, toMinorUnits } from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import {
  InventoryCommittedSchema,
  InventoryReleasedSchema,
  InventoryReservedSchema,
  InventoryUnavailableSchema,
} from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import {
  PaymentFailed_ReasonSchema,
  PaymentFailedSchema,
  PaymentProcessedSchema,
  PaymentRefundedSchema,
  PaymentVoidedSchema,
} from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import type { Reply } from '../../domain/saga.ts';
import type { Charged, SagaInput } from '../../domain/transition.ts';
import { traceOf } from './trace.ts';

/** The content of a reply. */
interface ReplyContent {
  readonly orderId: string;
  readonly detail?: string | undefined;
  readonly transactionId?: string;
  readonly charged?: Charged;
}

interface Reader {
  readonly typeName: string;
  /** Throws when the bytes are not this message. */
  readonly read: (value: Uint8Array) => ReplyContent;
}

function reader<Desc extends DescMessage>(
  schema: Desc,
  contentOf: (message: MessageShape<Desc>) => ReplyContent,
): Reader {
  return { typeName: schema.typeName, read: (value) => contentOf(decodeMessage(schema, value)) };
}

const readers: Record<Reply, Reader> = {
  InventoryReserved: reader(InventoryReservedSchema, onlyTheOrder),
  InventoryUnavailable: reader(InventoryUnavailableSchema, ({ orderId, shortages }) => ({
    orderId,
    detail: shortages
      .map(({ productId, available, requested }) => {
        return `Not enough of ${productId}: ${available} available, ${requested} requested`;
      })
      .join('; '),
  })),
  InventoryReleased: reader(InventoryReleasedSchema, onlyTheOrder),
  InventoryCommitted: reader(InventoryCommittedSchema, onlyTheOrder),
  PaymentProcessed: reader(PaymentProcessedSchema, ({ orderId, transactionId, amount }) => ({
    orderId,
    transactionId,
    charged: chargedOf(amount),
  })),
  PaymentFailed: reader(PaymentFailedSchema, ({ orderId, reason, declineCode }) => ({
    orderId,
    // The decline code is meaningful to the customer's bank; without one the reason is used.
    detail: declineCode || PaymentFailed_ReasonSchema.value[reason]?.localName,
  })),
  PaymentVoided: reader(PaymentVoidedSchema, onlyTheOrder),
  PaymentRefunded: reader(PaymentRefundedSchema, ({ orderId, reason, callerId, settledByHand }) => ({
    orderId,
    // A refund because of a cancellation has no reason and no caller.
    ...(reason !== '' && {
      detail: `${settledByHand ? 'settled by hand' : 'refunded'} by ${callerId}: ${reason}`,
    }),
  })),
};

function chargedOf(money: Money | undefined): Charged {
  const amount = money && toMinorUnits(money);
  if (amount === undefined) throw new Error('the event does not say how much was charged');
  return { amount, currency: money?.currencyCode ?? '' };
}

function onlyTheOrder({ orderId }: { readonly orderId: string }): ReplyContent {
  return { orderId };
}

const byType = new Map(
  Object.entries(readers).map(([kind, { typeName, read }]) => [typeName, { kind: kind as Reply, read }]),
);

/**
 * Reads a participant's reply. Returns undefined for events of other types.
 * @throws when the record does not match its `ce_type`, or lacks an order id or a required amount.
 */
export function readReply(record: ReceivedRecord): SagaInput | undefined {
  const { headers, topic, partition, offset } = record;
  const reply = byType.get(headers['ce_type'] ?? '');
  if (reply === undefined) return undefined;
  const content = reply.read(record.value ?? new Uint8Array());
  if (!isOrderId(content.orderId)) throw new Error('the event has no valid order id');
  return {
    ...content,
    kind: reply.kind,
    cause: `${headers['ce_id'] ?? reply.kind} ${topic}/${partition}/${offset}`,
    traceparent: traceOf(record),
  };
}
