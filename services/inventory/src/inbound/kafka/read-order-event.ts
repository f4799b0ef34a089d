import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { decodeMessage, isOrderId, requeryHeader, toMinorUnits } from '@orderflow/contracts';
import {
  OrderAcceptedSchema,
  OrderCancelRequestedSchema,
  OrderConfirmedSchema,
  OrderReservedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import type { OrderEvent } from '../../domain/reservation.ts';

/**
 * Reads the event of a record of `order-events`; undefined for events that do not concern inventory.
 * @throws Error when one that does cannot be read.
 */
export function readOrderEvent(record: ReceivedRecord): OrderEvent | undefined {
  const requery = requeryHeader in record.headers;
  switch (record.headers['ce_type']) {
    case OrderAcceptedSchema.typeName:
      return { ...accepted(decode(OrderAcceptedSchema, record)), requery };
    case OrderReservedSchema.typeName:
      if (!requery) return undefined;
      return { kind: 'reserved', orderId: decode(OrderReservedSchema, record).orderId, requery };
    case OrderConfirmedSchema.typeName:
      return { kind: 'confirmed', orderId: decode(OrderConfirmedSchema, record).orderId, requery };
    case OrderCancelRequestedSchema.typeName:
      return {
        kind: 'cancel_requested',
        orderId: decode(OrderCancelRequestedSchema, record).orderId,
        requery,
      };
    default:
      return undefined;
  }
}

function decode<Desc extends DescMessage>(
  schema: Desc,
  { value }: ReceivedRecord,
): MessageShape<Desc> & { orderId: string } {
  const event = decodeMessage(schema, value ?? new Uint8Array()) as MessageShape<Desc> & { orderId: string };
  if (!isOrderId(event.orderId)) throw new Error('the event has no valid order id');
  return event;
}

function accepted({ orderId, customerId, lines, total }: MessageShape<typeof OrderAcceptedSchema>) {
  const amount = total && toMinorUnits(total);
  if (total === undefined || amount === undefined) throw new Error('the event has no total in whole cents');
  const products = new Set(lines.map(({ productId }) => productId));
  if (products.size === 0 || products.size < lines.length) {
    throw new Error('the event has no lines, or several of one product');
  }
  if (lines.some(({ quantity }) => quantity < 1n)) throw new Error('a line has a quantity below 1');
  return {
    kind: 'accepted',
    orderId,
    lines: lines.map(({ productId, quantity }) => ({ productId, quantity })),
    payable: { customerId, total: amount, currency: total.currencyCode },
  } as const;
}
