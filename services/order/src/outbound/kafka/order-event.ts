import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney, topics } from '@orderflow/contracts';
import {
  CancelReason,
  OrderAcceptedSchema,
  OrderCancelledSchema,
  OrderCancelRequestedSchema,
  OrderCompletedSchema,
  OrderConfirmedSchema,
  OrderRefundedSchema,
  OrderRejectedSchema,
  OrderReservedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { type EventAbout, encodeEvent, eventHeaders, type OutboxMessage } from '@orderflow/messaging';
import type { EnrichedOrder } from '../../domain/enriched-order.ts';
import type { OrderEventName } from '../../domain/saga.ts';
import type { SagaOrder } from '../../domain/transition.ts';
import { storable } from '../postgres/storable.ts';
import { acceptedBytes } from './accepted-bytes.ts';

/** The metadata of an order's event. */
interface EventMetadata {
  readonly version: number;
  readonly time: Date;
  readonly traceparent: string | undefined;
}

/**
 * The outbox message of an order's event. Its id is derived from order and version, so that a repeat has the same id.
 */
function eventMessage<Desc extends DescMessage>(
  schema: Desc,
  orderId: string,
  metadata: EventMetadata,
  content: MessageInitShape<Desc>,
): OutboxMessage {
  const event = encodeEvent(schema, create(schema, content), aboutOf(orderId, metadata));
  return { topic: topics.orderEvents, key: orderId, ...event };
}

function aboutOf(orderId: string, { version, time, traceparent }: EventMetadata): EventAbout {
  return {
    id: `${orderId}/${version}`,
    source: '/orderflow/order',
    subject: orderId,
    time,
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** The event of a decision. */
export function decisionEvent(
  order: EnrichedOrder,
  { version, traceparent }: Omit<EventMetadata, 'time'>,
): OutboxMessage {
  const { orderId, decideTime: time, decision } = order;
  const metadata = { version, time, traceparent };
  if (decision.outcome === 'ACCEPTED') {
    return {
      topic: topics.orderEvents,
      key: orderId,
      headers: eventHeaders(OrderAcceptedSchema, aboutOf(orderId, metadata)),
      value: acceptedBytes(order, decision, version),
    };
  }
  return eventMessage(OrderRejectedSchema, orderId, metadata, {
    orderId,
    version: BigInt(version),
    decideTime: timestampFromDate(time),
    customerId: storable(order.submission.customerId),
    rejections: [...decision.rejections],
  });
}

/** An event of a transition after the decision, or instead of it. */
export type SagaEventName = Exclude<OrderEventName, 'OrderAccepted' | 'OrderRejected'>;

/** The message of such an event; all its content is in the order's row. */
export function sagaEvent(
  name: SagaEventName,
  order: Pick<SagaOrder, 'orderId' | 'customerId' | 'total' | 'currency' | 'cancelReason' | 'transactionId'>,
  metadata: EventMetadata,
): OutboxMessage {
  const { orderId, customerId } = order;
  const time = timestampFromDate(metadata.time);
  const base = { orderId, version: BigInt(metadata.version), customerId };
  const total = () => {
    if (order.total === undefined) throw new Error(`order ${orderId} has no total`);
    return toMoney(order.total, order.currency);
  };
  const transactionId = order.transactionId ?? '';
  const reason = () => {
    if (order.cancelReason === undefined) throw new Error(`order ${orderId} has no reason to be cancelled`);
    return CancelReason[order.cancelReason];
  };
  switch (name) {
    case 'OrderReserved':
      return eventMessage(OrderReservedSchema, orderId, metadata, { ...base, reserveTime: time });
    case 'OrderConfirmed':
      return eventMessage(OrderConfirmedSchema, orderId, metadata, {
        ...base,
        total: total(),
        transactionId,
        confirmTime: time,
      });
    case 'OrderCompleted':
      return eventMessage(OrderCompletedSchema, orderId, metadata, {
        ...base,
        total: total(),
        transactionId,
        completeTime: time,
      });
    case 'OrderCancelRequested':
      return eventMessage(OrderCancelRequestedSchema, orderId, metadata, {
        ...base,
        reason: reason(),
        requestTime: time,
      });
    case 'OrderCancelled':
      return eventMessage(OrderCancelledSchema, orderId, metadata, {
        ...base,
        reason: reason(),
        cancelTime: time,
      });
    case 'OrderRefunded':
      return eventMessage(OrderRefundedSchema, orderId, metadata, {
        ...base,
        amount: total(),
        transactionId,
        refundTime: time,
      });
  }
}
