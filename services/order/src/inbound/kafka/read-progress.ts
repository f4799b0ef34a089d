import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { decodeMessage } from '@orderflow/contracts';
import {
  OrderAcceptedSchema,
  OrderCancelledSchema,
  OrderCancelRequestedSchema,
  OrderCompletedSchema,
  OrderConfirmedSchema,
  OrderRefundedSchema,
  OrderRejectedSchema,
  OrderReservedSchema,
  CancelReason as WireReason,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import type { CancelReason, OrderEventName, OrderState } from '../../domain/saga.ts';
import type { PaymentProgress, ProgressUpdate } from '../../ports.ts';

/** The time of an event, and the fields that only some events have. */
interface EventContent {
  readonly time: Timestamp | undefined;
  readonly transactionId?: string;
  readonly reason?: WireReason;
}

interface Reader {
  readonly typeName: string;
  readonly state: OrderState;
  readonly payment: PaymentProgress | undefined;
  /** Throws when the bytes are not this message. */
  readonly read: (value: Uint8Array) => EventContent & { readonly orderId: string; readonly version: bigint };
}

function reader<Desc extends DescMessage>(
  schema: Desc,
  state: OrderState,
  payment: PaymentProgress | undefined,
  contentOf: (message: MessageShape<Desc>) => EventContent,
): Reader {
  return {
    typeName: schema.typeName,
    state,
    payment,
    read(value) {
      const message = decodeMessage(schema, value) as MessageShape<Desc> & {
        orderId: string;
        version: bigint;
      };
      return { orderId: message.orderId, version: message.version, ...contentOf(message) };
    },
  };
}

const decided = ({ decideTime: time }: { readonly decideTime?: Timestamp | undefined }) => ({ time });

const readers: Record<OrderEventName, Reader> = {
  OrderAccepted: reader(OrderAcceptedSchema, 'ACCEPTED', 'AWAITED', decided),
  OrderRejected: reader(OrderRejectedSchema, 'REJECTED', undefined, decided),
  OrderReserved: reader(OrderReservedSchema, 'RESERVED', 'AWAITED', ({ reserveTime: time }) => ({ time })),
  OrderConfirmed: reader(
    OrderConfirmedSchema,
    'CONFIRMED',
    'CHARGED',
    ({ confirmTime: time, transactionId }) => ({ time, transactionId }),
  ),
  OrderCompleted: reader(
    OrderCompletedSchema,
    'COMPLETED',
    'CHARGED',
    ({ completeTime: time, transactionId }) => ({ time, transactionId }),
  ),
  OrderCancelRequested: reader(
    OrderCancelRequestedSchema,
    'CANCELLING',
    'BEING_UNDONE',
    ({ requestTime: time, reason }) => ({ time, reason }),
  ),
  OrderCancelled: reader(OrderCancelledSchema, 'CANCELLED', 'UNDONE', ({ cancelTime: time, reason }) => ({
    time,
    reason,
  })),
  OrderRefunded: reader(
    OrderRefundedSchema,
    'COMPLETED',
    'REFUNDED',
    ({ refundTime: time, transactionId }) => ({ time, transactionId }),
  ),
};

const byType = new Map(
  Object.entries(readers).map(([event, { typeName, ...rest }]) => [
    typeName,
    { event: event as OrderEventName, ...rest },
  ]),
);

/**
 * Reads the progress of an order from its event. Returns undefined for types that are newer than this code.
 * @throws when the record does not match its `ce_type`, or lacks an order id or a time.
 */
export function readProgress(record: ReceivedRecord): ProgressUpdate | undefined {
  const known = byType.get(record.headers['ce_type'] ?? '');
  if (known === undefined) return undefined;
  const { event, state, payment, read } = known;
  const { orderId, version, time, transactionId = '', reason } = read(record.value ?? new Uint8Array());
  if (orderId === '' || time === undefined) throw new Error('the event has no order id or no time');
  return {
    orderId,
    version: Number(version),
    event,
    state,
    time: timestampDate(time),
    payment: payment && { state: payment, transactionId },
    cancelReason: reason === undefined ? undefined : reasonName(reason),
  };
}

function reasonName(reason: WireReason): CancelReason | undefined {
  const found = Object.entries(WireReason).find(([, value]) => value === reason)?.[0];
  return found === 'UNSPECIFIED' ? undefined : (found as CancelReason | undefined);
}
