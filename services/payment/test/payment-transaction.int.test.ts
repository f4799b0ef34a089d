import { createPostgres } from '@orderflow/storage';
import { testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Outcome } from '../src/domain/input.ts';
import { migrations } from '../src/migrations/index.ts';
import { PaymentAttemptRow, PaymentRow, WaitingChargeRow } from '../src/outbound/postgres/entities.ts';
import { paymentReader } from '../src/outbound/postgres/payment-reader.ts';
import { paymentTransactions } from '../src/outbound/postgres/payment-transaction.ts';
import { applyEvents, type EventInputs } from '../src/use-cases/apply-events.ts';
import { claimDueCalls } from '../src/use-cases/claim-due-calls.ts';
import { recordCalls } from '../src/use-cases/record-calls.ts';
import { quietLogger } from './running-payment.ts';
import { accepted, later, now, reserved, states, terms, toPay } from './states.ts';

const { database, component } = createPostgres({
  url: testStack().urls.POSTGRES_URL,
  database: uniqueName('payment'),
  applicationName: 'test',
  entities: [PaymentRow, PaymentAttemptRow, WaitingChargeRow],
  migrations,
  logger: quietLogger,
});
beforeAll(() => component.start());
afterAll(() => component.stop());

const inTransaction = paymentTransactions(database, () => now);
const newOrder = () => uniqueName('o');
const unreachable: Outcome = { kind: 'unreachable', detail: 'refused' };

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const event = (orderId: string, ...inputs: EventInputs['inputs']): EventInputs => ({
  orderId,
  inputs,
  traceparent,
});
const take = (...events: EventInputs[]) =>
  inTransaction((transaction) => applyEvents({ transaction, terms, now, permits: 0 }, events));

/** The call of an order that is due; those of other tests are left alone. */
async function begin(orderId: string, at = now) {
  const { calls } = await inTransaction((transaction) =>
    claimDueCalls({ transaction, terms, now: at }, 1_000),
  );
  return calls.filter(({ payment }) => payment.orderId === orderId).map(({ call }) => call);
}
const end = (orderId: string, call: Awaited<ReturnType<typeof begin>>[number], outcome: Outcome, at = now) =>
  inTransaction((transaction) => recordCalls({ transaction, terms, now: at }, [{ orderId, call, outcome }]));

async function stored(orderId: string) {
  const found = await paymentReader(database).find(orderId);
  if (found === undefined) throw new Error(`there is no payment of ${orderId}`);
  return found;
}

test('a payment comes back as it was written', async () => {
  const order = newOrder();
  await take(event(order, ...toPay({ amount: 9_007_199_254_740_993n })));
  const { payment, createTime } = await stored(order);
  expect(payment).toMatchObject({
    customerId: 'c-1',
    amount: 9_007_199_254_740_993n,
    state: 'PENDING',
    nextAttemptTime: now,
  });
  expect([payment.failReason, payment.answerTime]).toEqual([undefined, undefined]);
  expect(createTime).toEqual(now);
});

test('an event that waits comes back as it was written, and is gone when the other has come', async () => {
  const order = newOrder();
  const rows = () =>
    database.query<{ heard: string }>('select heard from waiting_charge where order_id = $1', [order]);
  const record = {
    topic: 'inventory-events',
    partition: 2,
    offset: 9_007_199_254_740_993n,
    key: Buffer.from([0, 255]),
    value: Buffer.from([1, 2, 3]),
    headers: { ce_subject: order, other: '\ufffd' },
    rawHeaders: { ce_subject: [Buffer.from(order)], other: Buffer.from([255]) },
    timestamp: now,
  };
  const [, other] = toPay({ lines: 'two p-1' });
  await take(event(order, { ...other, record }));
  expect(await rows()).toEqual([{ heard: 'InventoryReserved' }]);
  const { refused } = await take(event(order, accepted));
  expect(refused).toEqual([[{ record, detail: expect.stringContaining('differs from the accepted order') }]]);
  expect(await rows()).toEqual([{ heard: 'OrderAccepted' }]);
  await take(event(order, reserved));
  expect(await rows()).toEqual([]);
  expect((await stored(order)).payment).toMatchObject({ state: 'PENDING', amount: 12_99n });
});

test('two topics that bring the two events of the same orders at the same time have each charged once', async () => {
  const orders = Array.from({ length: 30 }, newOrder);
  await Promise.all([
    take(...orders.map((order) => event(order, { ...accepted }))),
    take(...orders.toReversed().map((order) => event(order, { ...reserved, record: undefined }))),
  ]);
  for (const order of orders) expect((await stored(order)).payment.state).toBe('PENDING');
  const left = await database.query('select 1 from waiting_charge where order_id = any($1)', [orders]);
  expect(left).toEqual([]);
});

test('a row that a process of the first version writes is a payment without refusals', async () => {
  const order = newOrder();
  await database.query(
    `insert into payment (order_id, customer_id, amount, currency, state, cancel_requested, completed, key_number, tries,
       unknown, attempts, transaction_id, decline_code, refund_reason, answer_time, create_time, update_time)
     values ($1, 'c-1', 1299, 'USD', 'PROCESSED', false, true, 1, 1, 0, 1, 'ch-1', '', '', $2, $2, $2)`,
    [order, now],
  );
  const { payment } = await stored(order);
  expect(payment).toEqual({ ...states.completed, orderId: order });
});

test('calls that events make due are written with them, as many as there are permits', async () => {
  const [first, second] = [newOrder(), newOrder()];
  const { calls, due } = await inTransaction((transaction) =>
    applyEvents({ transaction, terms, now, permits: 1 }, [
      event(first, ...toPay()),
      event(second, ...toPay()),
    ]),
  );

  expect(calls).toMatchObject([{ payment: { orderId: first, tries: 1 }, call: { key: `${first}:1` } }]);
  expect(due).toBe(true);
  expect((await stored(first)).calls).toMatchObject([
    { kind: 'CHARGE', key: `${first}:1`, outcome: undefined },
  ]);
  // What is left for a poll: not the first.
  expect(await begin(second)).toHaveLength(1);
  expect((await stored(first)).calls).toHaveLength(1);
});

test('a call written down with an event, and never made, is due again after its time', async () => {
  const order = newOrder();
  await inTransaction((transaction) =>
    applyEvents({ transaction, terms, now, permits: 1 }, [event(order, ...toPay())]),
  );
  const { nextAttemptTime } = (await stored(order)).payment;
  expect(nextAttemptTime?.getTime()).toBeGreaterThan(now.getTime());
  expect(await begin(order, nextAttemptTime)).toMatchObject([
    { kind: 'CHARGE', number: 2, key: `${order}:1` },
  ]);
});

test('a call is claimed once, however many processes poll at the same time', async () => {
  const order = newOrder();
  await take(event(order, ...toPay()));
  const applied = await Promise.all(Array.from({ length: 5 }, () => begin(order)));
  expect(applied.flat()).toHaveLength(1);
});

test('a call that is recorded twice, as after a lost commit, counts once', async () => {
  const order = newOrder();
  await take(event(order, ...toPay()));
  const [call] = await begin(order);
  if (call === undefined) throw new Error('nothing was due');
  await end(order, call, unreachable);
  await end(order, call, unreachable);
  expect((await stored(order)).payment).toMatchObject({ tries: 0, unknown: 0 });
});

test('of calls that were never sent only the last one stays', async () => {
  const order = newOrder();
  await take(event(order, ...toPay()));
  for (let second = 0; second < 3; second++) {
    const [call] = await begin(order, later(second * 1_000));
    if (call === undefined) throw new Error('nothing was due');
    await end(order, call, unreachable, later(second * 1_000));
  }
  const { calls, payment } = await stored(order);
  expect(calls.map(({ outcome }) => outcome)).toEqual(['unreachable']);
  expect(payment.attempts).toBe(3);
});

test('two topics that bring the first event of the same orders at the same time make one payment of each', async () => {
  const orders = Array.from({ length: 30 }, newOrder);
  await Promise.all([
    take(...orders.map((order) => event(order, ...toPay()))),
    take(...orders.toReversed().map((order) => event(order, { kind: 'cancel_requested' }))),
  ]);
  for (const order of orders) {
    const { payment } = await stored(order);
    expect(payment).toMatchObject({ state: 'VOIDED', cancelRequested: true });
  }
  const rows = await database.query<{ key: string }>('select key from outbox where key = any($1)', [orders]);
  expect(rows.map(({ key }) => key).sort()).toEqual(orders.toSorted());
});

test('several events of one order in a batch are taken in their order, and each reply is published once', async () => {
  const order = newOrder();
  const { contradictions } = await take(
    event(order, ...toPay({ amount: 0n })),
    event(order, { kind: 'requeried' }),
    event(order, { kind: 'cancel_requested' }, { kind: 'requeried' }),
    event(order, { kind: 'completed' }),
  );
  expect(contradictions.map((contradiction) => contradiction !== undefined)).toEqual([
    false,
    false,
    false,
    true,
  ]);
  const rows = await database.query<{ headers: Record<string, string> }>(
    'select headers from outbox where key = $1 order by id',
    [order],
  );
  expect(rows.map(({ headers }) => headers['ce_id'])).toEqual([
    `${order}/PaymentProcessed`,
    `${order}/PaymentVoided`,
  ]);
  expect(rows[0]?.headers['traceparent']).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
});

test('payments of orders that have not ended are found without reading those of the others', async () => {
  await database.query(
    `insert into payment (order_id, customer_id, amount, currency, state, cancel_requested, completed, key_number,
       tries, unknown, attempts, transaction_id, decline_code, refund_reason, answer_time, create_time, update_time)
     select 'ended-' || n, 'c-1', 100, 'USD', 'PROCESSED', false, n > 10, 1, 1, 0, 1, 'tx', '', '', now(),
       now() - n * interval '1 minute', now()
     from generate_series(1, 20000) as n`,
  );
  await database.query('analyze payment');
  // As `orders stuck` reads them.
  const [row] = await database.query<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }>(
    `explain (analyze, buffers, format json) select order_id, state, amount, currency, create_time from payment
     where state in ('PENDING', 'PROCESSED', 'SETTLING', 'REFUNDING') and not completed and not cancel_requested
       and create_time < now() - interval '1 minute'
     order by create_time limit 20000`,
  );
  const { 'Shared Hit Blocks': hit = 1e6, 'Shared Read Blocks': read = 1e6 } =
    row?.['QUERY PLAN'][0]?.Plan ?? {};
  expect(hit + read).toBeLessThan(100);
});
