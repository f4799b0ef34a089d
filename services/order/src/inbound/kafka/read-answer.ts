import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { toMinorUnits } from '@orderflow/contracts';
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
import type { Charged, Occurrence } from '../../domain/order-step.ts';
import type { Answer } from '../../domain/saga.ts';
import { isOrderId } from '../../domain/submission.ts';
import { traceOf } from './trace.ts';

/** What an answer says, besides that it was given. */
interface Said {
  readonly orderId: string;
  readonly detail?: string | undefined;
  readonly transactionId?: string;
  readonly charged?: Charged;
}

interface Reader {
  readonly typeName: string;
  /** Throws when the bytes are something else. */
  readonly read: (value: Uint8Array) => Said;
}

function reader<Desc extends DescMessage>(schema: Desc, say: (message: MessageShape<Desc>) => Said): Reader {
  return { typeName: schema.typeName, read: (value) => say(fromBinary(schema, value)) };
}

const readers: Record<Answer, Reader> = {
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
    // The code is what the customer's bank understands; without one the reason has to do.
    detail: declineCode || PaymentFailed_ReasonSchema.value[reason]?.localName,
  })),
  PaymentVoided: reader(PaymentVoidedSchema, onlyTheOrder),
  PaymentRefunded: reader(PaymentRefundedSchema, ({ orderId, reason, callerId, settledByHand }) => ({
    orderId,
    // Nobody asked for what was given back because the order was cancelled.
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

function onlyTheOrder({ orderId }: { readonly orderId: string }): Said {
  return { orderId };
}

const byType = new Map(
  Object.entries(readers).map(([happening, { typeName, read }]) => [
    typeName,
    { happening: happening as Answer, read },
  ]),
);

/**
 * Reads what a participant says of an order. Undefined for events of other types: they are for others.
 * @throws when the record is not what its `ce_type` says, names no order, or no amount where one belongs.
 */
export function readAnswer(record: ReceivedRecord): Occurrence | undefined {
  const { headers, topic, partition, offset } = record;
  const answer = byType.get(headers['ce_type'] ?? '');
  if (answer === undefined) return undefined;
  const said = answer.read(record.value ?? new Uint8Array());
  if (!isOrderId(said.orderId)) throw new Error('the event names no order');
  return {
    ...said,
    happening: answer.happening,
    cause: `${headers['ce_id'] ?? answer.happening} ${topic}/${partition}/${offset}`,
    traceparent: traceOf(record),
  };
}
