import { hash } from 'node:crypto';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { decodeMessage, isOrderId, requeryHeader, toMinorUnits } from '@orderflow/contracts';
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
import type { Payable } from '../../domain/payable.ts';
import type { EventInputs } from '../../use-cases/apply-events.ts';

/** An event of which only the order id is used. */
type Bare = MessageShape<DescMessage> & { readonly orderId: string };

type Reader = (
  value: Uint8Array,
  record: ReceivedRecord,
) => { readonly orderId: string; readonly inputs: readonly Input[] };

/** The events that are inputs of payments. */
const readersByType = new Map<string, Reader>([
  [OrderAcceptedSchema.typeName, readAccepted],
  [InventoryReservedSchema.typeName, readReserved],
  [OrderCancelRequestedSchema.typeName, reader(OrderCancelRequestedSchema, [{ kind: 'cancel_requested' }])],
  [OrderCompletedSchema.typeName, reader(OrderCompletedSchema, [{ kind: 'completed' }])],
]);
/** The events that are inputs only when they are requeried. */
const readersOnRequery = new Map<string, Reader>([
  [OrderReservedSchema.typeName, reader(OrderReservedSchema, [])],
  [OrderConfirmedSchema.typeName, reader(OrderConfirmedSchema, [])],
]);

/**
 * Reads the inputs of a record; undefined for events that do not concern payment.
 * @throws when an event that does cannot be read.
 */
export function readEvent(record: ReceivedRecord): EventInputs | undefined {
  const { headers, value } = record;
  const type = headers['ce_type'] ?? '';
  const isRequery = requeryHeader in headers;
  const read = readersByType.get(type) ?? (isRequery ? readersOnRequery.get(type) : undefined);
  if (read === undefined) return undefined;
  const { orderId, inputs } = read(value ?? new Uint8Array(), record);
  if (!isOrderId(orderId)) throw new Error('the event has no valid order id');
  const requery: readonly Input[] = isRequery ? [{ kind: 'requeried' }] : [];
  return { orderId, inputs: [...inputs, ...requery], traceparent: childOf(headers['traceparent']) };
}

function readAccepted(value: Uint8Array): ReturnType<Reader> {
  const event = decodeMessage(OrderAcceptedSchema, value);
  return { orderId: event.orderId, inputs: [{ kind: 'accepted', payable: payableOf(event) }] };
}

function readReserved(value: Uint8Array, record: ReceivedRecord): ReturnType<Reader> {
  const event = decodeMessage(InventoryReservedSchema, value);
  return { orderId: event.orderId, inputs: [{ kind: 'reserved', payable: payableOf(event), record }] };
}

/** The largest value of the column of an amount. */
const maxAmount = 2n ** 63n - 1n;

function payableOf({
  customerId,
  total,
  lines,
}: Pick<
  MessageShape<typeof OrderAcceptedSchema> | MessageShape<typeof InventoryReservedSchema>,
  'customerId' | 'total' | 'lines'
>): Payable {
  const amount = total && toMinorUnits(total);
  if (amount === undefined || amount < 0n || amount > maxAmount) {
    throw new Error('the event has no valid total');
  }
  const currency = total?.currencyCode ?? '';
  if (customerId === '') throw new Error('the event has no customer id');
  if (`${customerId}${currency}`.includes('\0')) throw new Error('the event contains a NUL');
  return { customerId, amount, currency, lines: linesOf(lines) };
}

/** A hash that is equal for the same products in the same quantities, in any order. */
function linesOf(lines: readonly { readonly productId: string; readonly quantity: bigint }[]): string {
  const sorted = lines.map(({ productId, quantity }) => JSON.stringify([productId, String(quantity)])).sort();
  return hash('sha256', sorted.join(), 'base64url');
}

function reader(schema: DescMessage, inputs: readonly Input[]): Reader {
  return (value) => ({ orderId: (decodeMessage(schema, value) as Bare).orderId, inputs });
}
