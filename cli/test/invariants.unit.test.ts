import { describe, expect, test } from 'vitest';
import type { Finding } from '../src/check/finding.ts';
import { checkOrders, checkShared } from '../src/check/invariants.ts';
import {
  charge,
  completed,
  decideTime,
  type Facts,
  letter,
  reservedFor,
  settledByHand,
  shown,
  soundFacts,
  source,
  submission,
  withOrder,
  withPayment,
  withPending,
  withUndecided,
} from './sound-facts.ts';

function checkInvariants(facts: Facts): Finding[] {
  return [...checkOrders(facts), ...checkShared(facts)];
}

/** What is found after something was changed. */
function violationsOf(change: (facts: Facts) => Partial<Facts>): string[] {
  const facts = soundFacts();
  return checkInvariants({ ...facts, ...change(facts) }).flatMap(({ violations }) => violations);
}

test('a sound system has no violations, and everything was checked', () => {
  const findings = checkInvariants(soundFacts());
  expect(findings.flatMap(({ violations }) => violations)).toEqual([]);
  expect(findings.filter(({ checked }) => checked === 0)).toEqual([]);
});

test('a refunded charge of an unknown order is settled', () => {
  const violations = violationsOf((facts) => ({
    ...withPayment(facts, 'o-ghost', 'REFUNDED'),
    ledger: [...facts.ledger, charge('o-ghost', 1), { ...charge('o-ghost', 1), kind: 'REFUND' }],
  }));
  expect(violations).toEqual([]);
});

describe('a fault in one store is found', () => {
  test.each<[string, (facts: Facts) => Partial<Facts>, RegExp]>([
    [
      'a record that became nothing',
      ({ submissions }) => ({
        submissions: [...submissions, submission(7, 'o-lost', { value: Buffer.from('b') })],
      }),
      /^orders\/0\/7: order o-lost does not exist$/,
    ],
    [
      'a poison record that was dropped',
      () => ({ letters: [] }),
      /^orders\/0\/1: cannot be read, and has no dead letter$/,
    ],
    [
      'another order of the same id that was swallowed',
      ({ submissions }) => ({
        submissions: [
          ...submissions,
          submission(7, 'o-done', { content: 'three laptops', value: Buffer.from('b') }),
        ],
      }),
      /^orders\/0\/7: order o-done has other content, and the record has no dead letter$/,
    ],
    [
      'an order that was decided as another one than was sent',
      ({ ordered }) => ({
        ordered: new Map(ordered).set('o-done', { content: 'one mouse', value: Buffer.from('a') }),
      }),
      /^orders\/0\/0: order o-done has other content/,
    ],
    [
      'content that is too bad to compare, with other bytes',
      ({ submissions }) => ({
        submissions: [...submissions, submission(7, 'o-bad', { value: Buffer.from('no customer') })],
      }),
      /^orders\/0\/7: order o-bad has other content/,
    ],
    [
      'a repeat that was taken for another order',
      ({ submissions, letters, sources }) => ({
        submissions: [
          ...submissions,
          submission(7, 'o-done', { content: 'two laptops', value: Buffer.from('?') }),
        ],
        letters: [...letters, letter('orders/0/7', 'ORDER_ID_CONFLICT')],
        sources: new Map(sources).set('orders/0/7', source),
      }),
      /^orders\/0\/7: dead-lettered as ORDER_ID_CONFLICT, but order o-done has this content$/,
    ],
    [
      'an order whose content was lost before it was decided',
      ({ ordered }) => ({ ordered: new Map([...ordered].filter(([id]) => id !== 'o-done')) }),
      /^orders\/0\/0: the content of order o-done is not stored$/,
    ],
    [
      'a response without an order id',
      ({ responses }) => ({
        responses: [...responses, { callerId: 'shop', requestId: 'r-2', orderId: 'o-lost' }],
      }),
      /^request r-2 of shop: order o-lost does not exist$/,
    ],
    [
      "a response that names another caller's order",
      ({ responses }) => ({
        responses: [...responses, { callerId: 'thief', requestId: 'r-1', orderId: 'o-done' }],
      }),
      /^request r-1 of thief: order o-done belongs to shop$/,
    ],
    [
      'a dead letter of a record that never was',
      ({ letters }) => ({ letters: [...letters, letter('orders/0/99', 'EMPTY')] }),
      /^orders\.order-worker\.dlq\/0\/0: orders\/0\/99 does not exist$/,
    ],
    [
      'a dead letter that comes from nowhere',
      ({ letters }) => ({ letters: [...letters, letter('undefined/undefined/undefined', 'EMPTY')] }),
      /^orders\.order-worker\.dlq\/0\/0: has no valid source$/,
    ],
    [
      'an order that everybody has forgotten',
      (facts) => withOrder(facts, 'o-done', { state: 'CONFIRMED' }),
      /^o-done: CONFIRMED, without a deadline$/,
    ],
    [
      'an order past its deadline',
      (facts) => withOrder(facts, 'o-done', { state: 'CONFIRMED', deadlineTime: decideTime }),
      /^o-done: CONFIRMED, its deadline was 2026-11-24T12:00:00.000Z$/,
    ],
    [
      'an event that was never published',
      ({ events }) => ({ events: events.filter(({ id }) => id !== 'o-done/3') }),
      /^o-done: published \[o-done\/1 o-done\/2 o-done\/4\] instead of/,
    ],
    [
      'events out of order',
      ({ events }) => ({ events: events.toReversed() }),
      /^o-done: published \[o-done\/4 o-done\/3/,
    ],
    [
      'a path that cannot be',
      ({ events }) => ({
        events: events.map((event) =>
          event.id === 'o-done/3' ? { ...event, type: 'OrderCancelled' } : event,
        ),
      }),
      /^o-done: published OrderAccepted, OrderReserved, OrderCancelled, OrderCompleted$/,
    ],
    [
      'a document with another total',
      ({ documents }) => ({
        documents: new Map(documents).set('o-done', shown('o-done', { total: '2.15' })),
      }),
      /^o-done: the document has .*"total":"2\.15".* instead of .*"total":"2\.16"/,
    ],
    [
      'progress that stands still',
      ({ documents }) => ({
        documents: new Map(documents).set(
          'o-done',
          shown('o-done', { progress: { version: 3, state: 'CONFIRMED' } }),
        ),
      }),
      /^o-done: COMPLETED at version 4, but the document has CONFIRMED at version 3$/,
    ],
    [
      'a payment whose progress is behind',
      ({ documents }) => ({
        documents: new Map(documents).set(
          'o-done',
          shown('o-done', { progress: { ...completed, payment: { state: 'AWAITED' } } }),
        ),
      }),
      /^o-done: COMPLETED, but the document has payment AWAITED instead of CHARGED$/,
    ],
    [
      'a document that is missing',
      ({ documents }) => ({ documents: new Map([...documents].filter(([id]) => id !== 'o-bad')) }),
      /^o-bad: no document$/,
    ],
    [
      'a refund that was never published',
      (facts) => withOrder(facts, 'o-done', { refunded: true }),
      /^o-done: refunded, but OrderRefunded was not published$/,
    ],
    ['a charge that was lost', () => ({ ledger: [] }), /^o-done: COMPLETED: 0 kept instead of 216$/],
    [
      'money kept of a cancelled order',
      ({ ledger }) => ({ ledger: [...ledger, charge('o-poor', 1)] }),
      /^o-poor: CANCELLED: 216 kept instead of 0$/,
    ],
    [
      'money kept of an order beyond what was settled by hand',
      (facts) => settledByHand(facts, 'o-poor', { ...charge('o-poor', 1), amount: 217n }),
      /^o-poor: CANCELLED: 217 kept instead of 0$/,
    ],
    [
      'money refunded by the gateway and by hand too',
      (facts) =>
        settledByHand(
          facts,
          'o-poor',
          charge('o-poor', 1),
          { ...charge('o-poor', 1), kind: 'REFUND' },
          { ...charge('o-poor', 1), kind: 'REFUND' },
        ),
      /^o-poor: CANCELLED: -216 kept instead of 0$/,
    ],
    [
      'two charges at once, though one was refunded later',
      ({ ledger }) => ({
        ledger: [...ledger, charge('o-done', 2), { ...charge('o-done', 2), kind: 'REFUND' }],
      }),
      /^o-done: charged as o-done:1 and o-done:2$/,
    ],
    [
      'a charge of an unknown order',
      ({ ledger }) => ({ ledger: [...ledger, charge('o-ghost', 1)] }),
      /^o-ghost: charged for an unknown order$/,
    ],
    [
      'a payment of an unknown order',
      (facts) => withPayment(facts, 'o-ghost', 'PROCESSED'),
      /^o-ghost: a payment of an unknown order$/,
    ],
    [
      'a forged event that waits to be charged',
      () => ({ waitingCharges: ['o-done', 'o-ghost'] }),
      /^o-ghost: a charge waits for an unknown order$/,
    ],
    [
      'a payment that failed for a completed order',
      (facts) => withPayment(facts, 'o-done', 'FAILED'),
      /^o-done: COMPLETED with a payment FAILED$/,
    ],
    [
      'stock that has vanished',
      ({ stock }) => ({ stock: stock.map((each) => ({ ...each, onHand: 7n })) }),
      /^p-1: 10 received; 7 on hand and 2 committed$/,
    ],
    [
      'stock that no order has reserved',
      ({ stock }) => ({ stock: stock.map((each) => ({ ...each, reserved: 1n })) }),
      /^p-1: 1 reserved, but open reservations hold 0$/,
    ],
    [
      'a reservation left open by a cancelled order',
      (facts) => reservedFor(facts, 'o-poor'),
      /^o-poor: CANCELLED with a reservation RESERVED$/,
    ],
    [
      'stock reserved for a rejected order',
      (facts) => reservedFor(facts, 'o-bad'),
      /^o-bad: REJECTED with a reservation RESERVED$/,
    ],
    [
      'stock reserved for an order that was cancelled undecided',
      (facts) => ({ ...withUndecided(facts), ...reservedFor(facts, 'o-never') }),
      /^o-never: CANCELLED with a reservation RESERVED$/,
    ],
    [
      'stock reserved for an undecided order',
      (facts) => ({ ...withPending(facts), ...reservedFor(facts, 'o-odd') }),
      /^o-odd: PENDING with a reservation RESERVED$/,
    ],
    [
      'stock reserved for an unknown order',
      (facts) => reservedFor(facts, 'o-ghost'),
      /^o-ghost: a reservation of an unknown order$/,
    ],
    [
      'a payment for an order that was rejected',
      (facts) => withPayment(facts, 'o-bad', 'SETTLING'),
      /^o-bad: REJECTED with a payment SETTLING$/,
    ],
    [
      'a payment for an order that was cancelled undecided',
      (facts) => ({ ...withUndecided(facts), ...withPayment(facts, 'o-never', 'PROCESSED') }),
      /^o-never: CANCELLED with a payment PROCESSED$/,
    ],
    [
      'a payment for an unknown order',
      (facts) => withPayment(facts, 'o-ghost', 'PENDING'),
      /^o-ghost: a payment of an unknown order$/,
    ],
    [
      'a refund without a due gateway call',
      (facts) => withPayment(facts, 'o-done', 'REFUNDING'),
      /^o-done: COMPLETED with a payment REFUNDING$/,
    ],
    [
      'a refund that its order does not know',
      (facts) => withPayment(facts, 'o-done', 'REFUNDED'),
      /^o-done: COMPLETED with a payment REFUNDED$/,
    ],
    [
      'a completed order that was never paid',
      ({ payments }) => ({ payments: new Map([...payments].filter(([id]) => id !== 'o-done')) }),
      /^o-done: COMPLETED without a payment$/,
    ],
    [
      'a dead letter that was changed',
      ({ letters }) => ({ letters: letters.map((letter) => ({ ...letter, value: Buffer.from('!') })) }),
      /^orders\.order-worker\.dlq\/0\/0: differs from orders\/0\/1$/,
    ],
    [
      'a dead letter that holds a digest in place of another record',
      ({ letters }) => ({ letters: letters.map((letter) => ({ ...letter, value: null, whole: 'another' })) }),
      /^orders\.order-worker\.dlq\/0\/0: differs from orders\/0\/1$/,
    ],
    [
      'a batch that cannot be decoded, and was not skipped',
      ({ letters }) => ({ letters: letters.filter(({ lastOffset }) => lastOffset === undefined) }),
      /^orders\/0\/3 to 5: cannot be decoded, and has no dead letter$/,
    ],
    [
      'records that cannot be decoded, of which some were skipped',
      ({ letters }) => ({ letters: letters.map((one) => ({ ...one, lastOffset: one.lastOffset && 4n })) }),
      /^orders\/0\/3 to 5: cannot be decoded, and has no dead letter$/,
    ],
    [
      'the dead letter of a batch that was never there',
      () => ({ undecodable: [] }),
      /^orders\.order-worker\.dlq\/0\/0: orders\/0\/3 does not exist$/,
    ],
    [
      'an accepted order that is not counted',
      ({ counted }) => ({ counted: new Map([...counted].filter(([id]) => id !== 'o-poor')) }),
      /^o-poor: accepted, and not counted for c-1$/,
    ],
    [
      'an order that is counted for another customer',
      ({ counted }) => ({
        counted: new Map(counted).set('o-done', { orderId: 'o-done', customerId: 'c-2' }),
      }),
      /^o-done: counted for c-2 instead of c-1$/,
    ],
    [
      'a rejected order that is counted',
      ({ counted }) => ({ counted: new Map(counted).set('o-bad', { orderId: 'o-bad', customerId: 'c-1' }) }),
      /^o-bad: never accepted, and counted for c-1$/,
    ],
    [
      'a counted order that does not exist',
      ({ counted }) => ({
        counted: new Map(counted).set('o-ghost', { orderId: 'o-ghost', customerId: 'c-1' }),
      }),
      /^o-ghost: the count of a customer includes an unknown order$/,
    ],
    [
      'a count that is wrong',
      () => ({ orderCounts: [{ customerId: 'c-1', orders: 3n, counted: 2n }] }),
      /^c-1: 3 instead of 2 orders$/,
    ],
  ])('%s', (_, change, expected) => {
    const violations = violationsOf(change);
    expect(violations.filter((violation) => expected.test(violation))).toHaveLength(1);
  });
});

describe('what is allowed', () => {
  test.each<[string, (facts: Facts) => Partial<Facts>]>([
    [
      'a charge in the ledger that was settled by hand as refunded elsewhere',
      (facts) => settledByHand(facts, 'o-poor', charge('o-poor', 1)),
    ],
    [
      'a repeat, and another order of the same id that was dead-lettered',
      ({ submissions, letters, sources }) => ({
        submissions: [
          ...submissions,
          submission(6, 'o-done', { content: 'two laptops', value: Buffer.from('in other words') }),
          submission(7, 'o-done', { content: 'three laptops', value: Buffer.from('?') }),
        ],
        letters: [...letters, letter('orders/0/7', 'ORDER_ID_CONFLICT')],
        sources: new Map(sources).set('orders/0/7', source),
      }),
    ],
    [
      'a document that is missing because MongoDB has refused it',
      ({ documents, letters, sources }) => ({
        documents: new Map([...documents].filter(([id]) => id !== 'o-bad')),
        letters: [...letters, letter('orders/0/2', 'DOCUMENT_REFUSED', 'o-bad')],
        sources: new Map(sources).set('orders/0/2', source),
      }),
    ],
    [
      'a dead letter of an event that its topic has forgotten',
      ({ letters }) => ({ letters: [...letters, letter('payment-events/0/99', 'PROCESSING_FAILED')] }),
    ],
    [
      'a dead letter that holds a digest in place of headers and value',
      ({ letters }) => ({
        letters: [...letters, { ...letter('orders/0/1', 'EMPTY'), value: null, whole: source.whole }],
      }),
    ],
    ['events published more than once', ({ events }) => ({ events: [...events, ...events.toReversed()] })],
    [
      'a refund after completion',
      (facts) => ({
        ...withOrder(facts, 'o-done', { refunded: true, version: 5 }),
        events: [...facts.events, { id: 'o-done/5', type: 'OrderRefunded', orderId: 'o-done' }],
        ledger: [...facts.ledger, { ...charge('o-done', 1), kind: 'REFUND' }],
        ...withPayment(facts, 'o-done', 'REFUNDED'),
        documents: new Map(facts.documents).set(
          'o-done',
          shown('o-done', {
            progress: { version: 5, state: 'COMPLETED', payment: { state: 'REFUNDED' } },
          }),
        ),
      }),
    ],
    ['an order that needs attention', withPending],
    ['an order that was cancelled undecided', withUndecided],
    [
      'closed reservations of orders that were never placed',
      (facts) => ({
        reservations: new Map(facts.reservations).set('o-bad', {
          orderId: 'o-bad',
          state: 'RELEASED',
        }),
        ...withPayment(facts, 'o-bad', 'VOIDED'),
      }),
    ],
  ])('%s', (_, change) => {
    expect(violationsOf(change)).toEqual([]);
  });
});
