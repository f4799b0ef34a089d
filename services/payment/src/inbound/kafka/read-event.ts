import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { toMinorUnits } from '@orderflow/contracts';
import { InventoryReservedSchema } from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import {
  OrderAcceptedSchema,
  OrderCancelRequestedSchema,
  OrderCompletedSchema,
  OrderConfirmedSchema,
  OrderReservedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import { childOf } from '@orderflow/runtime';
import type { Input } from '../../domain/input.ts';
import type { OrderEvent } from '../../use-cases/take-events.ts';

/** The order service sets it, to any value, on an event that it sends once more because it waits for an answer. */
const requeryHeader = 'requery';

const usableOrderId = /^[A-Za-z0-9._:-]{1,64}$/;

/** An event of which payment makes nothing but its order. */
type Bare = MessageShape<DescMessage> & { readonly orderId: string };

type Reader = (value: Uint8Array) => { readonly orderId: string; readonly inputs: readonly Input[] };

/** The events that move payments. */
const moving = new Map<string, Reader>([
  [InventoryReservedSchema.typeName, readReserved],
  [OrderCancelRequestedSchema.typeName, reader(OrderCancelRequestedSchema, [{ kind: 'cancel_requested' }])],
  [OrderCompletedSchema.typeName, reader(OrderCompletedSchema, [{ kind: 'completed' }])],
]);
/** Those that payment has an answer to only when it is asked for it. */
const asking = new Map<string, Reader>([
  [OrderAcceptedSchema.typeName, reader(OrderAcceptedSchema, [])],
  [OrderReservedSchema.typeName, reader(OrderReservedSchema, [])],
  [OrderConfirmedSchema.typeName, reader(OrderConfirmedSchema, [])],
]);

/**
 * What a record asks payment to do; undefined for what is not its business.
 * @throws when an event that is its business cannot be read.
 */
export function readEvent({ headers, value }: ReceivedRecord): OrderEvent | undefined {
  const type = headers['ce_type'] ?? '';
  const isAsked = requeryHeader in headers;
  const read = moving.get(type) ?? (isAsked ? asking.get(type) : undefined);
  if (read === undefined) return undefined;
  const { orderId, inputs } = read(value ?? new Uint8Array());
  if (!usableOrderId.test(orderId)) throw new Error('the event has no usable order id');
  const again: readonly Input[] = isAsked ? [{ kind: 'asked_again' }] : [];
  return { orderId, inputs: [...inputs, ...again], traceparent: childOf(headers['traceparent']) };
}

function readReserved(value: Uint8Array): ReturnType<Reader> {
  const { orderId, customerId, total } = fromBinary(InventoryReservedSchema, value);
  const amount = total && toMinorUnits(total);
  if (amount === undefined || amount < 0n) throw new Error('the event has no usable total');
  if (customerId === '') throw new Error('the event names no customer');
  return {
    orderId,
    inputs: [{ kind: 'reserved', customerId, amount, currency: total?.currencyCode ?? '' }],
  };
}

function reader(schema: DescMessage, inputs: readonly Input[]): Reader {
  return (value) => ({ orderId: (fromBinary(schema, value) as Bare).orderId, inputs });
}
