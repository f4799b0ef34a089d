import { decodeMessage, isOrderId } from '@orderflow/contracts';
import { OrderAcceptedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { type BatchHandler, type ReceivedRecord, readBatch } from '@orderflow/messaging';
import { crashPoint } from '@orderflow/runtime';
import { crashPoints } from '../../crash-points.ts';
import type { AcceptedOrder, InOrderCounting } from '../../ports.ts';

/** Handles batches of `order-events`: counts accepted orders. Events of other types are ignored. */
export function createOrderEventsHandler(inTransaction: InOrderCounting): BatchHandler {
  return async (records) => {
    const { events, deadLetters } = readBatch(records, readAccepted);
    if (events.length === 0) return { deadLetters, idle: true };
    await inTransaction(async (transaction) => transaction.count(events.map(({ event }) => event)));
    crashPoint(crashPoints.counted);
    return { deadLetters };
  };
}

function readAccepted({ headers, value }: ReceivedRecord): AcceptedOrder | undefined {
  if (headers['ce_type'] !== OrderAcceptedSchema.typeName) return undefined;
  const { orderId, customerId } = decodeMessage(OrderAcceptedSchema, value ?? new Uint8Array());
  if (!isOrderId(orderId)) throw new Error('the event has no valid order id');
  if (customerId === '' || customerId.includes('\0')) throw new Error('the event has no valid customer id');
  return { orderId, customerId };
}
