import { setTimeout as sleep } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import {
  PaymentAttempt_Outcome as Outcome,
  Payment_State as State,
} from '@orderflow/contracts/orderflow/payment/v1/payment';
import { Fault_Kind } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { createPostgres } from '@orderflow/storage';
import { eventually, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrations } from '../src/migrations/index.ts';
import { PaymentAttemptRow, PaymentRow, WaitingChargeRow } from '../src/outbound/postgres/entities.ts';
import {
  configOf,
  paymentOf,
  quietLogger,
  runPayment,
  type Surroundings,
  startGateway,
  startProgram,
  startSurroundings,
} from './running-payment.ts';

let env: Surroundings['env'];
let gateway: Surroundings['gateway'];
let topics: Surroundings['topics'];
let paymentEnv: Surroundings['paymentEnv'];

beforeAll(async () => {
  ({ env, gateway, topics, paymentEnv } = await startSurroundings());
});
afterAll(async () => {
  await topics?.close();
  await gateway?.kill();
});

const newOrder = () => uniqueName('o');

test('the migrations make the tables that the entities describe', async () => {
  const config = configOf(env);
  const { orm, component } = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}payment`,
    applicationName: 'test',
    entities: [PaymentRow, PaymentAttemptRow, WaitingChargeRow],
    migrations,
    logger: quietLogger,
  });
  await component.start();
  expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
  await component.stop();
});

test('"not now" is asked again after 1, 2 and 4 seconds, never earlier, also across a restart', async () => {
  const order = newOrder();
  await gateway.faults.setFault({
    fault: {
      method: 'Charge',
      kind: Fault_Kind.TEMPORARY_DECLINE,
      ids: [1, 2, 3].map((n) => `${order}:${n}`),
    },
  });
  const before = await runPayment(paymentEnv);
  await topics.toBePaid(order);
  await paymentOf(before, order, ({ attempts }) => attempts.length === 2);
  await before.stop();
  const after = await runPayment(paymentEnv);
  await topics.untilPublished(order, 'PaymentProcessed');
  const { attempts } = await paymentOf(after, order);
  await after.stop();
  await gateway.faults.clearFaults({});
  const times = attempts.map(({ createTime, endTime }) => ({
    began: Number(createTime?.seconds) * 1000 + Number(createTime?.nanos) / 1e6,
    ended: Number(endTime?.seconds) * 1000 + Number(endTime?.nanos) / 1e6,
  }));
  const pauses = times.slice(1).map(({ began }, index) => began - (times[index]?.ended ?? 0));
  expect(pauses).toHaveLength(3);
  for (const [index, min] of [1_000, 2_000, 4_000].entries()) {
    expect(pauses[index]).toBeGreaterThanOrEqual(min);
  }
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:4`]);
});

test('calls that became due while payment was down are made at once after the start', async () => {
  const order = newOrder();
  await gateway.faults.setFault({
    fault: { method: 'Charge', kind: Fault_Kind.TEMPORARY_DECLINE, ids: [`${order}:1`] },
  });
  const before = await runPayment({ ...paymentEnv, PAYMENT_RETRY_DELAYS: '300ms' });
  await topics.toBePaid(order);
  const { nextAttemptTime } = await paymentOf(
    before,
    order,
    ({ attempts }) => attempts[0]?.endTime !== undefined,
  );
  await before.stop();
  await eventually(() => Date.now() > Number(nextAttemptTime?.seconds) * 1000 + 1_000);
  const after = await runPayment(paymentEnv);
  await topics.untilPublished(order, 'PaymentProcessed');
  await after.stop();
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:2`]);
});

test('a gateway that is down costs no try, and payment is ready all the while', async () => {
  const order = newOrder();
  const port = new URL(gateway.url).port;
  await gateway.stop();
  const payment = await runPayment(paymentEnv);
  await topics.toBePaid(order);
  await paymentOf(payment, order, ({ attempts }) =>
    attempts.some(({ outcome }) => outcome === Outcome.UNREACHABLE),
  );
  expect((await payment.health.ready()).ready).toBe(true);
  // More than the tries it has.
  await paymentOf(
    payment,
    order,
    ({ updateTime, createTime }) => Number(updateTime?.seconds) - Number(createTime?.seconds) >= 5,
  );
  expect((await paymentOf(payment, order)).state).toBe(State.PENDING);
  gateway = await startGateway({ ...env, PORT: port });
  await topics.untilPublished(order, 'PaymentProcessed');
  const { attempts } = await paymentOf(payment, order);
  expect(attempts.length).toBeLessThanOrEqual(2);
  await payment.stop();
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`]);
});

test('two instances charge each of many orders once', async () => {
  const slow = { minLatency: { seconds: 0n, nanos: 20_000_000 } };
  await gateway.faults.setFault({ fault: { method: 'Charge', ...slow } });
  const both = await Promise.all([runPayment(paymentEnv), runPayment(paymentEnv)]);
  const orders = Array.from({ length: 60 }, newOrder);
  await Promise.all(orders.map((order) => topics.toBePaid(order)));
  for (const order of orders) await topics.untilPublished(order, 'PaymentProcessed');
  await gateway.faults.clearFaults({});
  await Promise.all(both.map((payment) => payment.stop()));
  for (const order of orders) {
    expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`]);
    expect(topics.published(order)).toEqual(['PaymentProcessed']);
  }
});

test('of cancels that race their charges, with replies lost and two instances, no money is kept', async () => {
  const ill = {
    errorRate: 0.3,
    errorCode: Code.Unavailable,
    afterEffect: true,
    maxLatency: { seconds: 0n, nanos: 60_000_000 },
  };
  for (const method of ['Charge', 'VoidCharge', 'RefundCharge']) {
    await gateway.faults.setFault({ fault: { method, ...ill } });
  }
  const quick = { ...paymentEnv, PAYMENT_RETRY_DELAYS: '20ms,20ms,20ms', PAYMENT_SETTLE_INTERVAL: '50ms' };
  const both = await Promise.all([runPayment(quick), runPayment(quick)]);
  const orders = Array.from({ length: 80 }, newOrder);
  await Promise.all(
    orders.map(async (order, index) => {
      // At every moment of a charge, from before it begins to after its end.
      await Promise.all([topics.toBePaid(order), sleep(index * 5).then(() => topics.cancel(order))]);
    }),
  );
  for (const order of orders) {
    await eventually(
      () => topics.published(order).some((kind) => kind === 'PaymentVoided' || kind === 'PaymentRefunded'),
      { timeoutMs: 60_000 },
    );
  }
  await gateway.faults.clearFaults({});
  await Promise.all(both.map((payment) => payment.stop()));
  for (const order of orders) {
    const moved = (await gateway.ledger(order)).map((entry) => entry.split(' ')[0]);
    const isRefunded = topics.published(order).includes('PaymentRefunded');
    expect(isRefunded ? [['CHARGE', 'REFUND']] : [[], ['CHARGE', 'VOID']]).toContainEqual(moved);
  }
}, 120_000);

test('an instance that was frozen in the middle of a charge does no harm when it thaws', async () => {
  const order = newOrder();
  await gateway.faults.setFault({
    fault: { method: 'Charge', ids: [order], kind: Fault_Kind.HANG, afterEffect: true },
  });
  const frozen = await startProgram('payment', paymentEnv);
  await topics.toBePaid(order);
  await eventually(async () => (await gateway.ledger(order)).length === 1);
  frozen.freeze();
  await gateway.faults.clearFaults({});
  const other = await runPayment(paymentEnv);
  await topics.untilPublished(order, 'PaymentProcessed');
  await topics.cancel(order);
  await topics.untilPublished(order, 'PaymentRefunded');
  frozen.thaw();
  const late = newOrder();
  await topics.toBePaid(late);
  await topics.untilPublished(late, 'PaymentProcessed');
  frozen.close();
  await frozen.stop();
  await other.stop();
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `REFUND ${order}:1`]);
  expect(topics.published(order)).toEqual(['PaymentProcessed', 'PaymentRefunded']);
}, 90_000);
