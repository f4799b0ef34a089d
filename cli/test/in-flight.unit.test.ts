import { groups, optionalGroups } from '@orderflow/contracts';
import { expect, test } from 'vitest';
import { workInFlight } from '../src/check/in-flight.ts';
import type { Stores } from '../src/stores.ts';
import { answering, offsetsOf } from './fake-stores.ts';

/** Stores in which nothing is in flight. */
function idleStores(changes: Partial<Stores> = {}): Stores {
  const nothing = answering({});
  return {
    orders: nothing,
    inventory: nothing,
    payment: nothing,
    enrichment: nothing,
    document: async () => undefined,
    documents: async function* () {},
    [Symbol.asyncDispose]: async () => {},
    ...changes,
  };
}

const readToTheEnd = offsetsOf(() => 10n);

test('an idle system has nothing in flight', async () => {
  expect(await workInFlight(idleStores(), readToTheEnd)).toEqual([]);
});

test('a refund that waits for the gateway is in flight, though its order has ended', async () => {
  const payment = answering({ payment: [{ state: 'REFUNDING', count: 1, oldest: ['o-1'] }] });
  expect(await workInFlight(idleStores({ payment }), readToTheEnd)).toEqual([
    '1 payments REFUNDING, with a gateway call due: o-1',
  ]);
});

test('events in an outbox, and orders on their way', async () => {
  const inventory = answering({ outbox: [{ count: 2 }] });
  const orders = answering({ orders: [{ state: 'RESERVED', count: 3, oldest: ['o-7', 'o-8'] }] });
  expect(await workInFlight(idleStores({ inventory, orders }), readToTheEnd)).toEqual([
    '2 events in the outbox of inventory',
    '3 orders RESERVED: o-7, o-8, …',
  ]);
});

test('earlier orders that are not counted yet', async () => {
  const enrichment = answering({ order_backfill: [{ count: 1 }] });
  expect(await workInFlight(idleStores({ enrichment }), readToTheEnd)).toEqual([
    'earlier orders are not counted for their customers yet',
  ]);
});

test('records that a group has not read, also changes of customers', async () => {
  const late = offsetsOf((group) => (group === groups.orderCache ? 7n : 10n));
  expect(await workInFlight(idleStores(), late)).toEqual([
    '3 records of customer-events not read by order-cache',
  ]);
});

test('a group that has never read has everything to read; only the cache and mails may be left out', async () => {
  const nobody = await workInFlight(
    idleStores(),
    offsetsOf(() => undefined),
  );
  expect(nobody).toContain('10 records of orders not read by order-worker');
  for (const group of optionalGroups) expect(nobody.join()).not.toContain(group);
});
