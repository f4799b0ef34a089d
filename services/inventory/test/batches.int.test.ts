import { expect, test } from 'vitest';
import type { OrderEvent } from '../src/domain/reservation.ts';
import { noStock } from '../src/domain/stock.ts';
import { postgresReservationTransactions } from '../src/outbound/postgres/reservation-transaction.ts';
import { seedTables } from '../src/outbound/postgres/seed-tables.ts';
import { ConcurrentReservationError } from '../src/ports.ts';
import { createHandleOrderEvents } from '../src/use-cases/handle-order-events.ts';
import { accepted, cancelRequested, confirmed, now, traced } from './kit.ts';
import { openDatabase, testConfig } from './running-inventory.ts';

/** What a batch goes through, on a seeded database of its own. */
async function openBatches() {
  const database = await openDatabase(testConfig());
  await seedTables(database, now);
  const inTransaction = postgresReservationTransactions(database);
  const handle = createHandleOrderEvents({ inTransaction, now: () => now });
  const query = <Row>(sql: string) => database.query<Row>(sql);
  return {
    inTransaction,
    handle: async (events: readonly OrderEvent[]) =>
      (await handle(events.map(traced))).map(({ kind }) => kind),
    /** The whole state, to be compared with later. */
    rows: async () => ({
      stock: await query('select * from stock order by product_id'),
      reservations: await query('select * from reservation order by order_id'),
      outbox: await query('select * from outbox order by id'),
    }),
    stockOf: async (productId: string) =>
      (
        await query<object>(
          `select on_hand, reserved, committed from stock where product_id = '${productId}'`,
        )
      )[0],
    query,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

const ids = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

test('a batch of 500 orders is reserved, then confirmed and cancelled; repeats change nothing', async () => {
  await using batches = await openBatches();
  const orders = ids('o-', 500);
  const all = (kind: string) => orders.map(() => kind);
  const accept = orders.map((orderId, index) =>
    accepted(orderId, { [`p-${10 + (index % 100)}`]: 2, 'p-9': 1 }),
  );
  const end = orders.map((orderId, index) => (index % 5 === 0 ? cancelRequested : confirmed)(orderId));

  expect(await batches.handle(accept)).toEqual(all('applied'));
  expect(await batches.stockOf('p-9')).toEqual({ on_hand: '1000', reserved: '500', committed: '0' });
  expect(await batches.stockOf('p-10')).toEqual({ on_hand: '1000', reserved: '10', committed: '0' });
  expect(await batches.handle(end)).toEqual(all('applied'));
  expect(await batches.stockOf('p-9')).toEqual({ on_hand: '600', reserved: '0', committed: '400' });

  const before = await batches.rows();
  expect(before.outbox).toHaveLength(1000);
  expect(await batches.handle([...accept, ...end].reverse())).toEqual([
    ...all('duplicate'),
    ...all('duplicate'),
  ]);
  expect(await batches.rows()).toEqual(before);
});

test('a stored reservation is republished as it was published first', async () => {
  await using batches = await openBatches();
  await batches.handle([accepted('o-1', { 'p-6': 1, 'p-7': 2 }), accepted('o-2', { 'p-6': 5000 })]);
  const again = { requery: true };
  await batches.handle([
    accepted('o-1', { 'p-6': 1, 'p-7': 2 }, again),
    accepted('o-2', { 'p-6': 5000 }, again),
  ]);
  await batches.handle([cancelRequested('o-3')]);
  await batches.handle([cancelRequested('o-3', again)]);
  const published = await batches.query<{ id: string; value: Buffer }>(
    `select headers->>'ce_id' as id, value from outbox order by id, outbox.id`,
  );
  expect(published.map(({ id }) => id)).toEqual([
    ...['o-1/InventoryReserved', 'o-1/InventoryReserved'],
    ...['o-2/InventoryUnavailable', 'o-2/InventoryUnavailable'],
    ...['o-3/InventoryReleased', 'o-3/InventoryReleased'],
  ]);
  for (const index of [0, 2, 4]) expect(published[index + 1]?.value).toEqual(published[index]?.value);
});

test('batches that name the same products and orders in opposite order do not lock each other out', async () => {
  await using batches = await openBatches();
  const products = ids('p-', 40).slice(5);
  const lines = (names: string[]) => Object.fromEntries(names.map((name) => [name, 1]));
  for (let round = 1; round <= 10; round += 1) {
    const [ours, theirs] = [ids(`a-${round}-`, 20), ids(`b-${round}-`, 20)];
    await Promise.all([
      batches.handle(ours.map((orderId) => accepted(orderId, lines(products)))),
      batches.handle(theirs.map((orderId) => accepted(orderId, lines([...products].reverse())))),
    ]);
    const both = [...ours, ...theirs];
    const kinds = await Promise.all([
      batches.handle(both.map((orderId) => confirmed(orderId))),
      batches.handle(both.reverse().map((orderId) => confirmed(orderId))),
    ]);
    // The second one found everything done.
    expect(
      kinds
        .map((each) => new Set(each))
        .map((each) => [...each].join())
        .sort(),
    ).toEqual(['applied', 'duplicate']);
  }
  expect(await batches.stockOf('p-6')).toEqual({ on_hand: '600', reserved: '0', committed: '400' });
});

test('of two processes that open the same reservation one begins anew', async () => {
  await using batches = await openBatches();
  const first = batches.inTransaction(async (transaction) => {
    expect(await transaction.lock(['o-1'], [])).toEqual({ reservations: [], stock: [] });
    expect(await batches.handle([cancelRequested('o-1')])).toEqual(['applied']);
    transaction.write({
      opened: [
        {
          orderId: 'o-1',
          state: 'RELEASED',
          lines: [],
          payable: undefined,
          createTime: now,
          updateTime: now,
        },
      ],
      moved: [],
      stock: [],
      replies: [],
    });
  });
  await expect(first).rejects.toThrow(ConcurrentReservationError);
  expect(await batches.handle([cancelRequested('o-1')])).toEqual(['duplicate']);
});

test.each([
  ['more is reserved than is on hand', { onHand: 5n, reserved: 6n }],
  ['less than nothing is reserved', { onHand: 5n, reserved: -1n }],
  ['less than nothing is committed', { onHand: 5n, committed: -1n }],
])('the table refuses that %s, and the whole batch with it', async (_, wrong) => {
  await using batches = await openBatches();
  const before = await batches.rows();
  const opened = { orderId: 'o-1', state: 'RESERVED', lines: [], createTime: now, updateTime: now } as const;
  const write = batches.inTransaction(async (transaction) =>
    transaction.write({
      opened: [{ ...opened, payable: undefined }],
      moved: [],
      stock: [{ ...noStock('p-6'), ...wrong, updateTime: now }],
      replies: [],
    }),
  );
  await expect(write).rejects.toThrow('stock_not_negative');
  expect(await batches.rows()).toEqual(before);
});
