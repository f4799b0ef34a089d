import {
  create,
  type DescMessage,
  type JsonObject,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import { CustomerUpdatedSchema } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import * as inventory from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import * as order from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import * as payment from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';

const time = timestampFromDate(new Date('2026-11-22T21:14:03.120Z'));
const usd = (cents: bigint) => toMoney(cents, 'USD');
const [unitPrice, total] = [usd(129_999n), usd(140_399n)];
const orderId = 'o-1';
const [customerId, productId, paymentId, transactionId] = ['c-1', 'p-1', 'pay-o-1', 'tx-1'];
const reason = order.CancelReason.CLIENT_REQUEST;

const examples = new Map<string, DescribedMessage>();
interface DescribedMessage {
  readonly desc: DescMessage;
  readonly message: MessageShape<DescMessage>;
}

/** An order of one laptop, from its submission to its refund; and what else can become of it. */
function add<Desc extends DescMessage>(desc: Desc, init: MessageInitShape<Desc>): void {
  examples.set(desc.typeName, { desc, message: create(desc, init) });
}
add(OrderSubmittedSchema, {
  ...{ orderId, customerId },
  lines: [{ reference: { case: 'productId', value: productId }, quantity: 1n, quotedPrice: unitPrice }],
});
const lines = [{ productId, quantity: 1n, unitPrice }];
const [subtotal, tax] = [unitPrice, usd(10_400n)];
add(order.OrderAcceptedSchema, {
  ...{ orderId, version: 1n, customerId, lines, subtotal, tax, total, decideTime: time },
});
add(order.OrderRejectedSchema, {
  ...{ orderId, version: 1n, customerId, decideTime: time },
  rejections: [{ reason: 'CUSTOMER_INACTIVE', field: 'customer_id', message: 'customer c-1 is not active' }],
});
add(order.OrderReservedSchema, { orderId, version: 2n, customerId, reserveTime: time });
add(order.OrderConfirmedSchema, {
  ...{ orderId, version: 3n, customerId, total, confirmTime: time, transactionId },
});
add(order.OrderCompletedSchema, {
  ...{ orderId, version: 4n, customerId, total, completeTime: time, transactionId },
});
add(order.OrderCancelRequestedSchema, { orderId, version: 3n, customerId, reason, requestTime: time });
add(order.OrderCancelledSchema, { orderId, version: 4n, customerId, reason, cancelTime: time });
add(order.OrderRefundedSchema, {
  ...{ orderId, version: 5n, customerId, amount: total, refundTime: time, transactionId },
});
add(inventory.InventoryReservedSchema, {
  ...{ orderId, customerId, lines: [{ productId, quantity: 1n }], total, reserveTime: time },
});
add(inventory.InventoryUnavailableSchema, {
  ...{ orderId, shortages: [{ productId, available: 0n, requested: 1n }], refuseTime: time },
});
add(inventory.InventoryReleasedSchema, { orderId, releaseTime: time });
add(inventory.InventoryCommittedSchema, { orderId, commitTime: time });
add(payment.PaymentProcessedSchema, { orderId, paymentId, amount: total, transactionId, processTime: time });
add(payment.PaymentFailedSchema, {
  ...{ orderId, paymentId, declineCode: 'insufficient_funds', failTime: time },
  reason: payment.PaymentFailed_Reason.DECLINED,
});
add(payment.PaymentVoidedSchema, { orderId, voidTime: time });
add(payment.PaymentRefundedSchema, {
  ...{ orderId, paymentId, amount: total, refundTime: time, reason: 'came broken', callerId: 'ann' },
});
add(CustomerUpdatedSchema, { customerId, version: 2n, updateTime: time });

/**
 * Returns an example of an event, as JSON of protobuf.
 * @throws Error when there is none: every event needs one
 */
export function exampleOf({ typeName }: DescMessage): JsonObject {
  const example = examples.get(typeName);
  if (example === undefined)
    throw new Error(`${typeName} has no example in packages/asyncapi/src/examples.ts`);
  return toJson(example.desc, example.message) as JsonObject;
}

/** When the events of the examples happened. */
export const exampleTime = new Date('2026-11-22T21:14:03.120Z');
