import { createPostgres, nativeQuery } from '@orderflow/storage';
import { testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Outcome } from '../src/domain/input.ts';
import { migrations } from '../src/migrations/index.ts';
import { PaymentAttemptRow, PaymentRow } from '../src/outbound/postgres/entities.ts';
import { paymentReader } from '../src/outbound/postgres/payment-reader.ts';
import { paymentTransactions } from '../src/outbound/postgres/payment-transaction.ts';
import { recordCalls } from '../src/use-cases/record-calls.ts';
import { takeDue } from '../src/use-cases/take-due.ts';
import { type OrderEvent, takeEvents } from '../src/use-cases/take-events.ts';
import { quietLogger } from './running-payment.ts';
import { later, now, reserved, states, terms } from './states.ts';

const { orm, component } = createPostgres({
  url: testStack().urls.POSTGRES_URL,
  database: uniqueName('payment'),
  applicationName: 'test',
  entities: [PaymentRow, PaymentAttemptRow],
  migrations,
  logger: quietLogger,
});
beforeAll(() => component.start());
afterAll(() => component.stop());

const inTransaction = paymentTransactions(orm, () => now);
const newOrder = () => uniqueName('o');
const unreachable: Outcome = { kind: 'unreachable', detail: 'refused' };

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const event = (orderId: string, ...inputs: OrderEvent['inputs']): OrderEvent => ({
  orderId,
  inputs,
  traceparent,
});
const take = (...events: OrderEvent[]) =>
  inTransaction((transaction) => takeEvents({ transaction, terms, now, room: 0 }, events));

/** The call of an order that is due; those of other tests are left alone. */
async function begin(orderId: string, at = now) {
  const { calls } = await inTransaction((transaction) => takeDue({ transaction, terms, now: at }, 1_000));
  return calls.filter(({ payment }) => payment.orderId === orderId).map(({ call }) => call);
}
const end = (orderId: string, call: Awaited<ReturnType<typeof begin>>[number], outcome: Outcome, at = now) =>
  inTransaction((transaction) => recordCalls({ transaction, terms, now: at }, [{ orderId, call, outcome }]));

async function stored(orderId: string) {
  const found = await paymentReader(() => orm.em.fork()).find(orderId);
  if (found === undefined) throw new Error(`there is no payment of ${orderId}`);
  return found;
}

test('a payment comes back as it was written', async () => {
  const order = newOrder();
  await take(event(order, { ...reserved, amount: 9_007_199_254_740_993n }));
  const { payment, createTime } = await stored(order);
  expect(payment).toMatchObject({
    customerId: 'c-1',
    amount: 9_007_199_254_740_993n,
    state: 'PENDING',
    nextAttemptTime: now,
    failReason: undefined,
    answerTime: undefined,
  });
  expect(createTime).toEqual(now);
});

test('a row that a process of the first version writes is a payment without refusals', async () => {
  const order = newOrder();
  await nativeQuery(
    orm.em.fork(),
    `insert into payment (order_id, customer_id, amount, currency, state, cancel_requested, completed, key_number, tries,
       unknown, attempts, transaction_id, decline_code, refund_reason, create_time, update_time)
     values ($1, 'c-1', 1299, 'USD', 'PROCESSED', false, true, 1, 1, 0, 1, 'ch-1', '', '', $2, $2)`,
    [order, now],
  );
  const { payment } = await stored(order);
  expect(payment).toEqual({ ...states.completed, orderId: order, answerTime: undefined });
});

test('calls that events make due are written down with them, as many as there is room for', async () => {
  const [first, second] = [newOrder(), newOrder()];
  const { calls, due } = await inTransaction((transaction) =>
    takeEvents({ transaction, terms, now, room: 1 }, [event(first, reserved), event(second, reserved)]),
  );

  expect(calls).toMatchObject([{ payment: { orderId: first, tries: 1 }, call: { key: `${first}:1` } }]);
  expect(due).toBe(true);
  expect((await stored(first)).calls).toMatchObject([
    { kind: 'CHARGE', key: `${first}:1`, outcome: undefined },
  ]);
  // What is left for a look: not the first.
  expect(await begin(second)).toHaveLength(1);
  expect((await stored(first)).calls).toHaveLength(1);
});

test('a call written down with an event, and never made, is due again after its time', async () => {
  const order = newOrder();
  await inTransaction((transaction) =>
    takeEvents({ transaction, terms, now, room: 1 }, [event(order, reserved)]),
  );
  const { nextAttemptTime } = (await stored(order)).payment;
  expect(nextAttemptTime?.getTime()).toBeGreaterThan(now.getTime());
  expect(await begin(order, nextAttemptTime)).toMatchObject([
    { kind: 'CHARGE', number: 2, key: `${order}:1` },
  ]);
});

test('a call is taken once, however many look for work at the same time', async () => {
  const order = newOrder();
  await take(event(order, reserved));
  const taken = await Promise.all(Array.from({ length: 5 }, () => begin(order)));
  expect(taken.flat()).toHaveLength(1);
});

test('a call that is recorded twice, as after a lost commit, counts once', async () => {
  const order = newOrder();
  await take(event(order, reserved));
  const [call] = await begin(order);
  if (call === undefined) throw new Error('nothing was due');
  await end(order, call, unreachable);
  await end(order, call, unreachable);
  expect((await stored(order)).payment).toMatchObject({ tries: 0, unknown: 0 });
});

test('of calls that were never sent only the last one stays', async () => {
  const order = newOrder();
  await take(event(order, reserved));
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
    take(...orders.map((order) => event(order, reserved))),
    take(...orders.toReversed().map((order) => event(order, { kind: 'cancel_requested' }))),
  ]);
  for (const order of orders) {
    const { payment } = await stored(order);
    expect(payment).toMatchObject({ state: 'VOIDED', cancelRequested: true });
  }
  const rows = await nativeQuery<{ key: string }>(
    orm.em.fork(),
    'select key from outbox where key = any($1)',
    [orders],
  );
  expect(rows.map(({ key }) => key).sort()).toEqual(orders.toSorted());
});

test('several events of one order in a slice are taken in their order, and each answer is told once', async () => {
  const order = newOrder();
  const { contradictions } = await take(
    event(order, { ...reserved, amount: 0n }),
    event(order, { kind: 'asked_again' }),
    event(order, { kind: 'cancel_requested' }, { kind: 'asked_again' }),
    event(order, { kind: 'completed' }),
  );
  expect(contradictions.map((contradiction) => contradiction !== undefined)).toEqual([
    false,
    false,
    false,
    true,
  ]);
  const rows = await nativeQuery<{ headers: Record<string, string> }>(
    orm.em.fork(),
    'select headers from outbox where key = $1 order by id',
    [order],
  );
  expect(rows.map(({ headers }) => headers['ce_id'])).toEqual([
    `${order}/PaymentProcessed`,
    `${order}/PaymentVoided`,
  ]);
  expect(rows[0]?.headers['traceparent']).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
});
