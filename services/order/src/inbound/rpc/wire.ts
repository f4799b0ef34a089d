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
import type { EnrichedLine, JudgedOrder } from '../../domain/enriched-order.ts';
import type { OrderInFull, OrderTransition, StoredOrder, SubmissionRecord } from '../../domain/order.ts';
import type { OrderState } from '../../domain/saga.ts';
import type { SubmittedLine } from '../../domain/submission.ts';
import { readOrder } from '../kafka/read-order.ts';

type WireOrder = MessageInitShape<typeof OrderSchema>;
type WireLine = MessageInitShape<typeof OrderLineSchema>;
type WireTransition = MessageInitShape<typeof OrderTransitionSchema>;

const states = new Map<Order_State, OrderState>(
  Object.entries(Order_State).flatMap(([name, state]) =>
    state === Order_State.UNSPECIFIED ? [] : [[state, name as OrderState]],
  ),
);

/** The domain's name of a state of the contract; undefined for the one that is not said. */
export function stateOf(state: Order_State): OrderState | undefined {
  return states.get(state);
}

/** The order as the contract has it, without what only `toWireOrder` knows: lines, rejections, subtotal and tax. */
export function toListedOrder(order: StoredOrder, currency: string): WireOrder {
  return listed(order, currency);
}

/** The order as the contract has it. */
export function toWireOrder(order: OrderInFull, currency: string): WireOrder {
  const { decided, submission } = order;
  return {
    ...listed(order, currency),
    ...(decided === undefined ? { lines: submittedLines(submission) } : judged(decided)),
  };
}

/** An order that is not stored, as it would be once it is accepted. */
export function toWireQuote(order: JudgedOrder): WireOrder {
  const { orderId, submission } = order;
  return {
    orderId,
    customerId: submission.customerId,
    state: Order_State[order.decision.outcome],
    ...judged(order),
  };
}

/** One step as the contract has it. */
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
  const { value, contentType } = record;
  const read = readOrder({
    value,
    headers: contentType === undefined ? {} : { 'content-type': contentType },
  });
  return read.ok ? read.submission.lines.map(submittedLine) : [];
}

/** Whatever was sent, as far as the contract can say it: a record may have a fraction as its quantity. */
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
