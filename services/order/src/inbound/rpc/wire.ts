import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import {
  CancelReason,
  OrderAcceptedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import {
  Order_State,
  type OrderLineSchema,
  type OrderSchema,
  type OrderTransitionSchema,
} from '@orderflow/contracts/orderflow/order/v1/order';
import type { GetOrderStatusResponseSchema } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { readSubmission } from '../../codec/read-submission.ts';
import { recordOf } from '../../codec/write-submission.ts';
import type { EnrichedLine, JudgedOrder } from '../../domain/enriched-order.ts';
import type { FullOrder, OrderTransition, StoredOrder, SubmissionRecord } from '../../domain/order.ts';
import type { OrderState } from '../../domain/saga.ts';
import type { SubmittedLine } from '../../domain/submission.ts';

export type WireOrder = MessageInitShape<typeof OrderSchema>;
type WireLine = MessageInitShape<typeof OrderLineSchema>;
type WireTransition = MessageInitShape<typeof OrderTransitionSchema>;

const states = new Map<Order_State, OrderState>(
  Object.entries(Order_State).flatMap(([name, state]) =>
    state === Order_State.UNSPECIFIED ? [] : [[state, name as OrderState]],
  ),
);

/** The domain's name of a state of the contract; undefined for UNSPECIFIED. */
export function stateOf(state: Order_State): OrderState | undefined {
  return states.get(state);
}

/** Converts an order without the fields that only `toWireOrder` has: lines, rejections, subtotal and tax. */
export function toListedOrder(order: StoredOrder, currency: string): WireOrder {
  return listed(order, currency);
}

/** Converts an order. */
export function toWireOrder(order: FullOrder, currency: string): WireOrder {
  const { decided, submission } = order;
  return {
    ...listed(order, currency),
    ...(decided === undefined ? { lines: submittedLines(submission) } : judged(decided)),
  };
}

/** Converts what GetOrderStatus returns of an order. */
export function toWireStatus(order: StoredOrder): MessageInitShape<typeof GetOrderStatusResponseSchema> {
  const { orderId, state, needsAttention = '', updateTime } = order;
  return { orderId, status: Order_State[state], needsAttention, updateTime: timestampFromDate(updateTime) };
}

/** Converts an order that is not stored, as it would be once it is accepted. */
export function toWireQuote(order: JudgedOrder): WireOrder {
  const { orderId, submission } = order;
  return {
    orderId,
    customerId: submission.customerId,
    state: Order_State[order.decision.outcome],
    ...judged(order),
  };
}

/** Converts one transition. */
export function toWireTransition(transition: OrderTransition): WireTransition {
  const { revision, state, cause, events, detail = '', createTime } = transition;
  return {
    revision: BigInt(revision),
    state: Order_State[state],
    cause,
    events: events.map(({ id, type }) => `${id} ${eventPackage}.${type}`),
    detail,
    createTime: timestampFromDate(createTime),
  };
}

const eventPackage = OrderAcceptedSchema.typeName.replace(/\.\w+$/, '');

function listed(order: StoredOrder, currency: string) {
  return {
    orderId: order.orderId,
    customerId: order.customerId,
    state: Order_State[order.state],
    ...(order.total !== undefined && { total: toMoney(order.total, currency) }),
    ...(order.cancelReason !== undefined && { cancelReason: CancelReason[order.cancelReason] }),
    cancelDetail: order.cancelDetail ?? '',
    transactionId: order.transactionId ?? '',
    refunded: order.refunded,
    needsAttention: order.needsAttention ?? '',
    version: BigInt(order.version),
    createTime: timestampFromDate(order.createTime),
    updateTime: timestampFromDate(order.updateTime),
  };
}

function judged({ lines, decision, currency }: JudgedOrder) {
  const money = (amount: bigint) => toMoney(amount, currency);
  return {
    lines: lines.map((line) => judgedLine(line, money)),
    ...(decision.outcome === 'ACCEPTED'
      ? { subtotal: money(decision.subtotal), tax: money(decision.tax), total: money(decision.total) }
      : { rejections: [...decision.rejections] }),
  };
}

function judgedLine(line: EnrichedLine, money: (amount: bigint) => ReturnType<typeof toMoney>): WireLine {
  const { product, quantity, quotedPrice, amount } = line;
  return {
    reference: { case: 'productId', value: product.productId },
    quantity: BigInt(quantity),
    productName: product.name,
    unitPrice: money(product.price),
    ...(quotedPrice !== undefined && { quotedPrice: money(quotedPrice) }),
    amount: money(amount),
  };
}

function submittedLines(record: SubmissionRecord | undefined): WireLine[] {
  if (record === undefined) return [];
  const read = readSubmission(recordOf(record));
  return read.ok ? read.submission.lines.map(submittedLine) : [];
}

/** Converts a submitted line as far as the contract can express it: a quantity may be a fraction in a record. */
function submittedLine({ reference, quantity, quotedPrice }: SubmittedLine): WireLine {
  return {
    ...(reference !== undefined && {
      reference: { case: reference.by === 'sku' ? 'sku' : 'productId', value: reference.value },
    }),
    quantity: Number.isSafeInteger(quantity) ? BigInt(quantity) : 0n,
    ...(quotedPrice?.amount !== undefined && {
      quotedPrice: toMoney(quotedPrice.amount, quotedPrice.currency ?? ''),
    }),
  };
}
