import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { toMinorUnits } from '@orderflow/contracts';
import {
  OrderAcceptedSchema,
  OrderCancelRequestedSchema,
  OrderConfirmedSchema,
  OrderReservedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import type { OrderEvent } from '../../domain/reservation.ts';

/** The order service wants an answer, also if there was one before. */
const requeryHeader = 'requery';

const usableOrderId = /^[A-Za-z0-9._:-]{1,64}$/;

/**
 * The event that a record of `order-events` holds; undefined for those that mean nothing to stock.
 * @throws Error when it is one that does, and cannot be read.
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
  const event = fromBinary(schema, value ?? new Uint8Array()) as MessageShape<Desc> & { orderId: string };
  if (!usableOrderId.test(event.orderId)) throw new Error('the event has no usable order id');
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
