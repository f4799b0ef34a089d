import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { decodeMessage, isOrderId } from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import {
  OrderCancelledSchema,
  OrderCompletedSchema,
  OrderConfirmedSchema,
  OrderRefundedSchema,
  OrderRejectedSchema,
  CancelReason as WireReason,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import type { CancelReason } from '../../domain/cancel-reason.ts';
import type { MailDraft } from '../../domain/draft.ts';
import type { Amount } from '../../domain/mail.ts';

type EventDraft = Exclude<MailDraft, { readonly kind: 'MESSAGE' }>;

/** An event of an order of which its customer is mailed. */
export interface MailEvent {
  readonly customerId: string;
  readonly draft: EventDraft;
  readonly eventTime: Date;
}

/** What an event says, before it is checked. */
interface Content {
  readonly time: Timestamp | undefined;
  readonly draft: EventDraft;
}

type Reader = (value: Uint8Array) => Content & { readonly orderId: string; readonly customerId: string };

const readersByType = new Map<string, Reader>([
  reader(OrderConfirmedSchema, ({ orderId, total, confirmTime: time }) => ({
    time,
    draft: { kind: 'CONFIRMED', orderId, total: amountOf(total) },
  })),
  reader(OrderCompletedSchema, ({ orderId, total, completeTime: time }) => ({
    time,
    draft: { kind: 'COMPLETED', orderId, total: amountOf(total) },
  })),
  reader(OrderCancelledSchema, ({ orderId, reason, cancelTime: time }) => ({
    time,
    draft: { kind: 'CANCELLED', orderId, reason: reasonOf(reason) },
  })),
  reader(OrderRejectedSchema, ({ orderId, rejections, decideTime: time }) => ({
    time,
    draft: {
      kind: 'REJECTED',
      orderId,
      rejections: rejections.map(({ reason, message }) => ({ reason, message })),
    },
  })),
  reader(OrderRefundedSchema, ({ orderId, amount, refundTime: time }) => ({
    time,
    draft: { kind: 'REFUNDED', orderId, amount: amountOf(amount) },
  })),
]);

/**
 * Reads the event of a record; undefined for events of which no customer is mailed.
 * @throws when an event of which one is cannot be read.
 */
export function readMailEvent({ headers, value }: ReceivedRecord): MailEvent | undefined {
  const read = readersByType.get(headers['ce_type'] ?? '');
  if (read === undefined) return undefined;
  const { orderId, customerId, time, draft } = read(value ?? new Uint8Array());
  if (!isOrderId(orderId)) throw new Error('the event has no valid order id');
  return { customerId, draft, eventTime: timeOf(time) };
}

/** What can be stored, and shown as JSON (google/protobuf/timestamp.proto). */
const timeRange = { min: Date.parse('0001-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') };

function timeOf(time: Timestamp | undefined): Date {
  if (time === undefined) throw new Error('the event has no time');
  const date = timestampDate(time);
  const isValid = date.getTime() >= timeRange.min && date.getTime() <= timeRange.max;
  if (!isValid) throw new Error('the event has a time beyond the years 1 to 9999');
  return date;
}

function reader<Desc extends DescMessage>(
  schema: Desc,
  contentOf: (message: MessageShape<Desc>) => Content,
): [string, Reader] {
  return [
    schema.typeName,
    (value) => {
      const message = decodeMessage(schema, value) as MessageShape<Desc> & {
        readonly orderId: string;
        readonly customerId: string;
      };
      return { orderId: message.orderId, customerId: message.customerId, ...contentOf(message) };
    },
  ];
}

function amountOf(money: Money | undefined): Amount {
  if (money === undefined) throw new Error('the event has no amount');
  const { currencyCode: currency, units, nanos } = money;
  return { currency, units, nanos };
}

const reasons: Readonly<Partial<Record<WireReason, CancelReason>>> = {
  [WireReason.PAYMENT_FAILED]: 'PAYMENT_FAILED',
  [WireReason.OUT_OF_STOCK]: 'OUT_OF_STOCK',
  [WireReason.CLIENT_REQUEST]: 'CLIENT_REQUEST',
  [WireReason.DEADLINE]: 'DEADLINE',
};

function reasonOf(wire: WireReason): CancelReason {
  const reason = reasons[wire];
  if (reason === undefined) throw new Error(`the event has cancel reason ${wire}`);
  return reason;
}
