import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
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
import type { PaymentProgress, ProgressStep } from '../../ports.ts';

/** What an event says of its time, and of what only some events know. */
interface Said {
  readonly time: Timestamp | undefined;
  readonly transactionId?: string;
  readonly reason?: WireReason;
}

interface Reader {
  readonly typeName: string;
  readonly state: OrderState;
  readonly payment: PaymentProgress | undefined;
  /** Throws when the bytes are something else. */
  readonly read: (value: Uint8Array) => Said & { readonly orderId: string; readonly version: bigint };
}

function reader<Desc extends DescMessage>(
  schema: Desc,
  state: OrderState,
  payment: PaymentProgress | undefined,
  say: (message: MessageShape<Desc>) => Said,
): Reader {
  return {
    typeName: schema.typeName,
    state,
    payment,
    read(value) {
      const message = fromBinary(schema, value) as MessageShape<Desc> & { orderId: string; version: bigint };
      return { orderId: message.orderId, version: message.version, ...say(message) };
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
 * Reads what an order's event tells of its progress. Undefined for types that came after this code.
 * @throws when the record is not what its `ce_type` says, or lacks an order id or a time.
 */
export function readProgress(record: ReceivedRecord): ProgressStep | undefined {
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
