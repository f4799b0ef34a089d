import { nativeQuery } from '@orderflow/storage';
import { expect, test } from 'vitest';
import type { OrderEvent } from '../src/domain/reservation.ts';
import { noStock } from '../src/domain/stock.ts';
import { postgresReservationTransactions } from '../src/outbound/postgres/reservation-transaction.ts';
import { seedTables } from '../src/outbound/postgres/seed-tables.ts';
import { ReservedMeanwhile } from '../src/ports.ts';
import { createHandleOrderEvents } from '../src/use-cases/handle-order-events.ts';
import { accepted, cancelRequested, confirmed, now, traced } from './kit.ts';
import { openDatabase, testConfig } from './running-inventory.ts';

/** What a slice goes through, on a seeded database of its own. */
async function openSlices() {
  const database = await openDatabase(testConfig());
  const { orm } = database;
  await seedTables(orm.em.fork(), now);
  const inTransaction = postgresReservationTransactions(orm);
  const handle = createHandleOrderEvents({ inTransaction, now: () => now });
  const query = <Row>(sql: string) => nativeQuery<Row>(orm.em.fork(), sql);
  return {
    inTransaction,
    handle: async (events: readonly OrderEvent[]) =>
      (await handle(events.map(traced))).map(({ kind }) => kind),
    /** Everything there is, to be compared with later. */
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

test('a slice of 500 orders is reserved, then confirmed and cancelled; repeats change nothing', async () => {
  await using slices = await openSlices();
  const orders = ids('o-', 500);
  const all = (kind: string) => orders.map(() => kind);
  const accept = orders.map((orderId, index) =>
    accepted(orderId, { [`p-${10 + (index % 100)}`]: 2, 'p-9': 1 }),
  );
  const end = orders.map((orderId, index) => (index % 5 === 0 ? cancelRequested : confirmed)(orderId));

  expect(await slices.handle(accept)).toEqual(all('applied'));
  expect(await slices.stockOf('p-9')).toEqual({ on_hand: '1000', reserved: '500', committed: '0' });
  expect(await slices.stockOf('p-10')).toEqual({ on_hand: '1000', reserved: '10', committed: '0' });
  expect(await slices.handle(end)).toEqual(all('applied'));
  expect(await slices.stockOf('p-9')).toEqual({ on_hand: '600', reserved: '0', committed: '400' });

  const before = await slices.rows();
  expect(before.outbox).toHaveLength(1000);
  expect(await slices.handle([...accept, ...end].reverse())).toEqual([
    ...all('already_done'),
    ...all('already_done'),
  ]);
  expect(await slices.rows()).toEqual(before);
});

test('a stored reservation is told again as it was told first', async () => {
  await using slices = await openSlices();
  await slices.handle([accepted('o-1', { 'p-6': 1, 'p-7': 2 }), accepted('o-2', { 'p-6': 5000 })]);
  const again = { requery: true };
  await slices.handle([
    accepted('o-1', { 'p-6': 1, 'p-7': 2 }, again),
    accepted('o-2', { 'p-6': 5000 }, again),
  ]);
  await slices.handle([cancelRequested('o-3')]);
  await slices.handle([cancelRequested('o-3', again)]);
  const told = await slices.query<{ id: string; value: Buffer }>(
    `select headers->>'ce_id' as id, value from outbox order by id, outbox.id`,
  );
  expect(told.map(({ id }) => id)).toEqual([
    ...['o-1/InventoryReserved', 'o-1/InventoryReserved'],
    ...['o-2/InventoryUnavailable', 'o-2/InventoryUnavailable'],
    ...['o-3/InventoryReleased', 'o-3/InventoryReleased'],
  ]);
  for (const index of [0, 2, 4]) expect(told[index + 1]?.value).toEqual(told[index]?.value);
});

test('slices that name the same products and orders in opposite order do not lock each other out', async () => {
  await using slices = await openSlices();
  const products = ids('p-', 40).slice(5);
  const lines = (names: string[]) => Object.fromEntries(names.map((name) => [name, 1]));
  for (let round = 1; round <= 10; round += 1) {
    const [ours, theirs] = [ids(`a-${round}-`, 20), ids(`b-${round}-`, 20)];
    await Promise.all([
      slices.handle(ours.map((orderId) => accepted(orderId, lines(products)))),
      slices.handle(theirs.map((orderId) => accepted(orderId, lines([...products].reverse())))),
    ]);
    const both = [...ours, ...theirs];
    const kinds = await Promise.all([
      slices.handle(both.map((orderId) => confirmed(orderId))),
      slices.handle(both.reverse().map((orderId) => confirmed(orderId))),
    ]);
    // Whoever came second found everything done.
    expect(
      kinds
        .map((each) => new Set(each))
        .map((each) => [...each].join())
        .sort(),
    ).toEqual(['already_done', 'applied']);
  }
  expect(await slices.stockOf('p-6')).toEqual({ on_hand: '600', reserved: '0', committed: '400' });
});

test('of two processes that open the same reservation one begins anew', async () => {
  await using slices = await openSlices();
  const first = slices.inTransaction(async (transaction) => {
    expect(await transaction.lockReservations(['o-1'])).toEqual([]);
    expect(await slices.handle([cancelRequested('o-1')])).toEqual(['applied']);
    await transaction.write({
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
      answers: [],
    });
  });
  await expect(first).rejects.toThrow(ReservedMeanwhile);
  expect(await slices.handle([cancelRequested('o-1')])).toEqual(['already_done']);
});

test.each([
  ['more is reserved than is there', { onHand: 5n, reserved: 6n }],
  ['less than nothing is reserved', { onHand: 5n, reserved: -1n }],
  ['less than nothing has left', { onHand: 5n, committed: -1n }],
])('the table refuses that %s, and the whole slice with it', async (_, wrong) => {
  await using slices = await openSlices();
  const before = await slices.rows();
  const opened = { orderId: 'o-1', state: 'RESERVED', lines: [], createTime: now, updateTime: now } as const;
  const write = slices.inTransaction((transaction) =>
    transaction.write({
      opened: [{ ...opened, payable: undefined }],
      moved: [],
      stock: [{ ...noStock('p-6'), ...wrong, updateTime: now }],
      answers: [],
    }),
  );
  await expect(write).rejects.toThrow('stock_not_negative');
  expect(await slices.rows()).toEqual(before);
});
