import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import {
  type EnrichedOrder,
  EnrichedOrder_Outcome,
  EnrichedOrderSchema,
} from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import type {
  DocumentFact,
  EventFact,
  LedgerFact,
  LetterFact,
  OrderFact,
  OrderFacts,
  SharedFacts,
  SubmissionFact,
} from '../src/check/facts.ts';

/** All that is checked. */
export type Facts = OrderFacts & SharedFacts;

/** When all of them were decided. */
export const decideTime = new Date('2026-11-24T12:00:00Z');
const now = new Date('2026-11-24T13:00:00Z');
const paid = { amount: 216n, isSettledByHand: false };

/** The progress of a completed order. */
export const completed = { version: 4, state: 'COMPLETED', payment: { state: 'CHARGED' } };

/** The record that every dead letter here came from. */
export const source = { key: null, value: Buffer.from('?'), whole: 'its digest' };

/** An idle system with three orders: completed, rejected, cancelled for want of money. */
export function soundFacts(): Facts {
  const events = (id: string, ...types: string[]): EventFact[] =>
    types.map((type, index) => ({ id: `${id}/${index + 1}`, type, orderId: id }));
  return {
    orders: new Map(
      [
        { ...order('o-done', 'COMPLETED', 4, 216n), callerId: 'shop' },
        order('o-bad', 'REJECTED', 1, undefined),
        order('o-poor', 'CANCELLED', 4, 216n),
      ].map((each) => [each.id, each]),
    ),
    decisions: new Map([
      ['o-done', decision('o-done')],
      ['o-bad', decision('o-bad', { outcome: EnrichedOrder_Outcome.REJECTED })],
      ['o-poor', decision('o-poor')],
    ]),
    documents: new Map([
      ['o-done', shown('o-done', { progress: completed })],
      ['o-bad', rejection('o-bad')],
      [
        'o-poor',
        shown('o-poor', {
          progress: { version: 4, state: 'CANCELLED', payment: { state: 'UNDONE' } },
        }),
      ],
    ]),
    events: [
      ...events('o-done', 'OrderAccepted', 'OrderReserved', 'OrderConfirmed', 'OrderCompleted'),
      ...events('o-bad', 'OrderRejected'),
      ...events('o-poor', 'OrderAccepted', 'OrderReserved', 'OrderCancelRequested', 'OrderCancelled'),
    ],
    stock: [{ productId: 'p-1', onHand: 8n, reserved: 0n, committed: 2n, adjusted: 10n, held: 0n, left: 2n }],
    reservations: new Map([
      ['o-done', { orderId: 'o-done', state: 'COMMITTED' }],
      ['o-poor', { orderId: 'o-poor', state: 'RELEASED' }],
    ]),
    counted: new Map(['o-done', 'o-poor'].map((orderId) => [orderId, { orderId, customerId: 'c-1' }])),
    orderCounts: [{ customerId: 'c-1', orders: 2n, counted: 2n }],
    waitingCharges: [],
    payments: new Map([
      ['o-done', { orderId: 'o-done', state: 'PROCESSED', ...paid }],
      ['o-poor', { orderId: 'o-poor', state: 'VOIDED', ...paid }],
    ]),
    ledger: [charge('o-done', 1)],
    ordered: new Map([
      ['o-done', { content: 'two laptops', value: Buffer.from('a') }],
      ['o-bad', { content: undefined, value: Buffer.from('no lines') }],
    ]),
    responses: [{ callerId: 'shop', requestId: 'r-1', orderId: 'o-done' }],
    submissions: [
      submission(0, 'o-done', { content: 'two laptops', value: Buffer.from('a') }),
      submission(1, undefined, { value: Buffer.from('?') }),
      submission(2, 'o-bad', { value: Buffer.from('no lines') }),
    ],
    letters: [
      letter('orders/0/1', 'MALFORMED_JSON'),
      { ...letter('orders/0/3', 'SKIPPED_BY_HAND'), value: null, lastOffset: 5n },
    ],
    sources: new Map([['orders/0/1', source]]),
    undecodable: [{ topic: 'orders', partition: 0, from: 3n, last: 5n }],
    now,
  };
}

function order(id: string, state: string, version: number, total: bigint | undefined): OrderFact {
  return {
    id,
    state,
    version,
    total,
    callerId: undefined,
    needsAttention: undefined,
    deadlineTime: undefined,
    refunded: false,
  };
}

/** A record on `orders`. */
export function submission(
  offset: number,
  orderId: string | undefined,
  { content, value }: { content?: string; value: Buffer },
): SubmissionFact {
  return { position: `orders/0/${offset}`, orderId, key: null, value, content };
}

/** A dead letter of the worker. */
export function letter(source: string, reason: string, orderId?: string): LetterFact {
  const position = 'orders.order-worker.dlq/0/0';
  const holds = { key: null, value: Buffer.from('?'), whole: undefined, lastOffset: undefined };
  return { position, source, reason, orderId, ...holds };
}

/** The n-th charge of an order. */
export function charge(orderId: string, n: number): LedgerFact {
  return { kind: 'CHARGE', chargeKey: `${orderId}:${n}`, orderId, amount: 216n };
}

function decision(
  orderId: string,
  { outcome = EnrichedOrder_Outcome.ACCEPTED }: { outcome?: EnrichedOrder_Outcome } = {},
): EnrichedOrder {
  const isAccepted = outcome === EnrichedOrder_Outcome.ACCEPTED;
  return create(EnrichedOrderSchema, {
    orderId,
    outcome,
    decideTime: timestampFromDate(decideTime),
    rejections: isAccepted
      ? []
      : [{ reason: 'LINES_EMPTY', field: 'lines', message: 'the order has no lines' }],
    ...(isAccepted && {
      customer: { customer: { customerId: 'c-1', name: 'Ada', email: 'ada@example.com' } },
      lines: [
        {
          product: { productId: 'p-1', sku: 'LAPTOP001', name: 'Laptop' },
          quantity: 2n,
          unitPrice: toMoney(100n, 'USD'),
          amount: toMoney(200n, 'USD'),
        },
      ],
      subtotal: toMoney(200n, 'USD'),
      tax: toMoney(16n, 'USD'),
      total: toMoney(216n, 'USD'),
    }),
  });
}

/** The document of an accepted order. */
export function shown(_id: string, changes: Partial<DocumentFact>): DocumentFact {
  return {
    _id,
    outcome: 'ACCEPTED',
    decide_time: decideTime,
    customer: { customer_id: 'c-1', name: 'Ada', email: 'ada@example.com' },
    lines: [
      {
        product: { product_id: 'p-1', sku: 'LAPTOP001', name: 'Laptop' },
        quantity: 2,
        unit_price: '1.00',
        amount: '2.00',
      },
    ],
    subtotal: '2.00',
    tax: '0.16',
    total: '2.16',
    ...changes,
  };
}

function rejection(_id: string): DocumentFact {
  return {
    _id,
    outcome: 'REJECTED',
    decide_time: decideTime,
    rejections: [{ reason: 'LINES_EMPTY', field: 'lines', message: 'the order has no lines' }],
    progress: { version: 1, state: 'REJECTED' },
  };
}

/** The facts with one order changed. */
export const withOrder = (facts: Facts, id: string, changes: Partial<OrderFact>) => ({
  orders: new Map(facts.orders).set(id, { ...(facts.orders.get(id) as OrderFact), ...changes }),
});

/** With an undecided order that needs attention. */
export const withPending = (facts: Facts) => ({
  orders: new Map(facts.orders).set('o-odd', {
    ...order('o-odd', 'PENDING', 0, undefined),
    needsAttention: 'ENRICHMENT_INVALID',
  }),
});

/** With an order that was cancelled before its decision. */
export const withUndecided = (facts: Facts) => ({
  orders: new Map(facts.orders).set('o-never', order('o-never', 'CANCELLED', 1, undefined)),
  events: [...facts.events, { id: 'o-never/1', type: 'OrderCancelled', orderId: 'o-never' }],
  documents: new Map(facts.documents).set('o-never', {
    _id: 'o-never',
    progress: { version: 1, state: 'CANCELLED', payment: { state: 'UNDONE' } },
  }),
});

/** With two pieces held for an order. */
export const reservedFor = ({ reservations, stock }: Facts, orderId: string) => ({
  stock: stock.map((each) => ({ ...each, reserved: 2n, held: 2n })),
  reservations: new Map(reservations).set(orderId, { orderId, state: 'RESERVED' }),
});

/** With a payment of an order that was settled by hand, and what the gateway's ledger says of the order. */
export const settledByHand = ({ payments, ledger }: Facts, orderId: string, ...entries: LedgerFact[]) => ({
  payments: new Map(payments).set(orderId, { orderId, state: 'REFUNDED', ...paid, isSettledByHand: true }),
  ledger: [...ledger, ...entries],
});

/** With a payment of an order in some state. */
export const withPayment = ({ payments }: Facts, orderId: string, state: string) => ({
  payments: new Map(payments).set(orderId, { orderId, state, ...paid }),
});
