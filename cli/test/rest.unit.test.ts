import { groups } from '@orderflow/contracts';
import { expect, test } from 'vitest';
import { underWay } from '../src/check/rest.ts';
import type { Stores } from '../src/stores.ts';
import { answering, offsetsOf } from './fake-stores.ts';

/** Stores in which nothing is under way. */
function restingStores(changes: Partial<Stores> = {}): Stores {
  const nothing = answering({});
  return {
    orders: nothing,
    inventory: nothing,
    payment: nothing,
    enrichment: nothing,
    documents: async () => [],
    [Symbol.asyncDispose]: async () => {},
    ...changes,
  };
}

const readToTheEnd = offsetsOf(() => 10n);

test('at rest nothing is under way', async () => {
  expect(await underWay(restingStores(), readToTheEnd)).toEqual([]);
});

test('a refund that waits for the gateway is under way, though its order has ended', async () => {
  const payment = answering({ payment: [{ state: 'REFUNDING', count: 1 }] });
  expect(await underWay(restingStores({ payment }), readToTheEnd)).toEqual([
    '1 payments REFUNDING, to be taken to the gateway',
  ]);
});

test('events in an outbox, and orders on their way', async () => {
  const inventory = answering({ outbox: [{ count: 2 }] });
  const orders = answering({ orders: [{ state: 'RESERVED', count: 3 }] });
  expect(await underWay(restingStores({ inventory, orders }), readToTheEnd)).toEqual([
    '2 events in the outbox of inventory',
    '3 orders RESERVED',
  ]);
});

test('records that a group has not read, also changes of customers', async () => {
  const late = offsetsOf((group) => (group === groups.orderCache ? 7n : 10n));
  expect(await underWay(restingStores(), late)).toEqual([
    '3 records of customer-events not read by order-cache',
  ]);
});

test('a group that has never read has everything to read; only the cache may be left out', async () => {
  const nobody = await underWay(
    restingStores(),
    offsetsOf(() => undefined),
  );
  expect(nobody).toContain('10 records of orders not read by order-worker');
  expect(nobody.join()).not.toContain(groups.orderCache);
});
