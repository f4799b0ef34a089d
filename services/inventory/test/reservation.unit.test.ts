import { expect, test } from 'vitest';
import {
  type Decision,
  decide,
  type OrderEvent,
  productsOf,
  type Reservation,
} from '../src/domain/reservation.ts';
import { noStock, type Stock } from '../src/domain/stock.ts';
import { accepted, cancelRequested, confirmed, now, reserved } from './kit.ts';

const later = new Date(now.getTime() + 1000);

/** 10 pieces of p-1 and 5 of p-2 on the shelf; of each, so many are reserved. */
function shelf(reserved = 0n): Map<string, Stock> {
  const level = (productId: string, onHand: bigint) => ({ ...noStock(productId), onHand, reserved });
  return new Map([level('p-1', 10n), level('p-2', 5n)].map((stock) => [stock.productId, stock]));
}

/** Order o-1 for 3 of p-1 and 2 of p-2. */
const order = accepted('o-1', { 'p-1': 3, 'p-2': 2 });

function applied(decision: Decision) {
  if (decision.kind !== 'applied') throw new Error(`expected applied, got ${JSON.stringify(decision)}`);
  return decision;
}

/** The reservation of o-1 after these events. */
function after(...events: OrderEvent[]): Reservation {
  const stock = shelf();
  let reservation: Reservation | undefined;
  for (const event of events) {
    const decision = applied(decide(reservation, stock, event, now));
    reservation = decision.reservation;
    for (const level of decision.stock) stock.set(level.productId, level);
  }
  if (reservation === undefined) throw new Error('no events');
  return reservation;
}

const tooMuch = accepted('o-1', { 'p-1': 11, 'p-2': 2 });
const states: Record<string, Reservation> = {
  RESERVED: after(order),
  UNAVAILABLE: after(tooMuch),
  RELEASED: after(order, cancelRequested('o-1')),
  COMMITTED: after(order, confirmed('o-1')),
};

test('all lines of an order are held, and only those', () => {
  const { reservation, stock } = applied(decide(undefined, shelf(), order, now));
  expect(reservation).toEqual({
    orderId: 'o-1',
    state: 'RESERVED',
    lines: [
      { productId: 'p-1', quantity: 3n },
      { productId: 'p-2', quantity: 2n },
    ],
    payable: { customerId: 'c-1', total: 1_080n, currency: 'USD' },
    createTime: now,
    updateTime: now,
  });
  expect(stock).toMatchObject([
    { productId: 'p-1', onHand: 10n, reserved: 3n, updateTime: now },
    { productId: 'p-2', onHand: 5n, reserved: 2n, updateTime: now },
  ]);
});

test('the last piece can be had', () => {
  const { reservation, stock } = applied(decide(undefined, shelf(), accepted('o-1', { 'p-2': 5 }), now));
  expect(reservation.state).toBe('RESERVED');
  expect(stock).toMatchObject([{ onHand: 5n, reserved: 5n }]);
});

test('what is reserved for others cannot be had', () => {
  const { reservation, stock } = applied(decide(undefined, shelf(4n), accepted('o-1', { 'p-2': 2 }), now));
  expect(reservation).toMatchObject({ state: 'UNAVAILABLE', lines: [{ quantity: 2n, available: 1n }] });
  expect(stock).toEqual([]);
});

test('every short line is named, those that could be served are not; a product never stocked has 0', () => {
  const event = accepted('o-1', { 'p-1': 11, 'p-2': 5, 'p-9': 1 });
  const { reservation, stock } = applied(decide(undefined, shelf(), event, now));
  expect(reservation.lines).toEqual([
    { productId: 'p-1', quantity: 11n, available: 10n },
    { productId: 'p-2', quantity: 5n },
    { productId: 'p-9', quantity: 1n, available: 0n },
  ]);
  expect(stock).toEqual([]);
});

test('a confirmed order takes its pieces from the shelf', () => {
  const { reservation, stock } = applied(decide(states['RESERVED'], shelf(3n), confirmed('o-1'), later));
  expect(reservation).toMatchObject({ state: 'COMMITTED', createTime: now, updateTime: later });
  expect(stock).toMatchObject([
    { productId: 'p-1', onHand: 7n, reserved: 0n, committed: 3n, updateTime: later },
    { productId: 'p-2', onHand: 3n, reserved: 1n, committed: 2n, updateTime: later },
  ]);
});

test('a cancelled order gives its pieces back', () => {
  const { reservation, stock } = applied(
    decide(states['RESERVED'], shelf(3n), cancelRequested('o-1'), later),
  );
  expect(reservation).toMatchObject({ state: 'RELEASED', updateTime: later });
  expect(stock).toMatchObject([
    { productId: 'p-1', onHand: 10n, reserved: 0n, committed: 0n },
    { productId: 'p-2', onHand: 5n, reserved: 1n, committed: 0n },
  ]);
});

test('an order that could not be served is released without touching stock', () => {
  const decision = applied(decide(states['UNAVAILABLE'], shelf(), cancelRequested('o-1'), later));
  expect(decision).toMatchObject({ reservation: { state: 'RELEASED' }, stock: [] });
});

test('an order that is cancelled before it is accepted is closed', () => {
  const { reservation, stock } = applied(decide(undefined, shelf(), cancelRequested('o-1'), now));
  expect(reservation).toEqual({
    orderId: 'o-1',
    state: 'RELEASED',
    lines: [],
    payable: undefined,
    createTime: now,
    updateTime: now,
  });
  expect(stock).toEqual([]);
  expect(decide(reservation, shelf(), order, later)).toEqual({ kind: 'duplicate' });
});

const repeats = [
  ['RESERVED', order],
  ['UNAVAILABLE', order],
  ['RELEASED', order],
  ['COMMITTED', order],
  ['RELEASED', cancelRequested('o-1')],
  ['COMMITTED', confirmed('o-1')],
  ['RESERVED', reserved('o-1')],
  ['RELEASED', reserved('o-1')],
] as const;

test.each(repeats)('%s: a repeat does nothing, a requery republishes the reply: %o', (state, event) => {
  const reservation = states[state];
  expect(decide(reservation, shelf(3n), event, later)).toEqual({ kind: 'duplicate' });
  expect(decide(reservation, shelf(3n), { ...event, requery: true }, later)).toEqual({
    kind: 'republished',
    reservation,
  });
});

const contradictions = [
  ['nothing', reserved('o-1')],
  ['nothing', confirmed('o-1')],
  ['UNAVAILABLE', confirmed('o-1')],
  ['RELEASED', confirmed('o-1')],
  ['COMMITTED', cancelRequested('o-1')],
] as const;

test.each(contradictions)('%s: what cannot be is said to be so, asked once or again: %o', (state, event) => {
  for (const requery of [false, true]) {
    const decision = decide(states[state], shelf(3n), { ...event, requery }, later);
    expect(decision).toMatchObject({
      kind: 'contradiction',
      detail: expect.stringContaining(state),
    });
  }
});

test('only an accepted order names products', () => {
  expect(productsOf(order)).toEqual(['p-1', 'p-2']);
  expect(productsOf(confirmed('o-1'))).toEqual([]);
  expect(productsOf(cancelRequested('o-1'))).toEqual([]);
});
