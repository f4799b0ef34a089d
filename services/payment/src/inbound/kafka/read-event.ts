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

const maxOrderIdLength = 64;

/** An event of which payment makes nothing but its order. */
type Bare = MessageShape<DescMessage> & { readonly orderId: string };

/** What an event of this type asks payment to do, before it is asked once more. */
const readers: Record<string, (value: Uint8Array) => { orderId: string; inputs: readonly Input[] }> = {
  [InventoryReservedSchema.typeName]: readReserved,
  ...reader(OrderCancelRequestedSchema, [{ kind: 'cancel_requested' }]),
  ...reader(OrderCompletedSchema, [{ kind: 'completed' }]),
  ...reader(OrderAcceptedSchema, []),
  ...reader(OrderReservedSchema, []),
  ...reader(OrderConfirmedSchema, []),
};

/**
 * What a record asks payment to do; undefined for what is not its business.
 * @throws when an event that is its business cannot be read.
 */
export function readEvent({ headers, value }: ReceivedRecord): OrderEvent | undefined {
  const read = readers[headers['ce_type'] ?? ''];
  if (read === undefined) return undefined;
  const { orderId, inputs } = read(value ?? new Uint8Array());
  if (orderId === '' || orderId.length > maxOrderIdLength)
    throw new Error('the event has no usable order id');
  const again: Input[] = requeryHeader in headers ? [{ kind: 'asked_again' }] : [];
  const all = [...inputs, ...again];
  return all.length === 0
    ? undefined
    : { orderId, inputs: all, traceparent: childOf(headers['traceparent']) };
}

function readReserved(value: Uint8Array): { orderId: string; inputs: readonly Input[] } {
  const { orderId, customerId, total } = fromBinary(InventoryReservedSchema, value);
  const amount = total && toMinorUnits(total);
  if (amount === undefined || amount < 0n) throw new Error('the event has no usable total');
  if (customerId === '') throw new Error('the event names no customer');
  return {
    orderId,
    inputs: [{ kind: 'reserved', customerId, amount, currency: total?.currencyCode ?? '' }],
  };
}

function reader(
  schema: DescMessage,
  inputs: readonly Input[],
): Record<string, (value: Uint8Array) => { orderId: string; inputs: readonly Input[] }> {
  return {
    [schema.typeName]: (value) => ({ orderId: (fromBinary(schema, value) as Bare).orderId, inputs }),
  };
}
