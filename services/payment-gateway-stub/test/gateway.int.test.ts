import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import { ChargeResponse_Outcome as Outcome } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { Fault_Kind } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { errorReason, pageTokens, textKey } from '@orderflow/rpc';
import { eventually, refusedChanges, uniqueName } from '@orderflow/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { migrations } from '../src/migrations/index.ts';
import { ledgerTransactions } from '../src/outbound/postgres/ledger.ts';
import { chargeAll } from '../src/use-cases/charge.ts';
import { databaseOf, runGateway, testConfig } from './running-gateway.ts';

const config = testConfig();
let running: Awaited<ReturnType<typeof runGateway>>;
beforeAll(async () => {
  running = await runGateway(config);
});
afterAll(() => running.stop());
afterEach(() => running.faults.clearFaults({}));

const newOrder = () => uniqueName('o');

async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(() => expect.unreachable('the call should have failed'), errorReason);
}

test('a key is charged once, however often and however many ask at the same time', async () => {
  const order = newOrder();
  const results = await Promise.all(Array.from({ length: 8 }, () => running.charge(order)));
  expect(new Set(results.map(({ transactionId }) => transactionId)).size).toBe(1);
  expect(results.every(({ outcome }) => outcome === Outcome.APPROVED)).toBe(true);
  expect(await running.ledger(order)).toEqual([`CHARGE ${order}:1 1299`]);
});

test('another amount under a used key is refused, and nothing moves', async () => {
  const order = newOrder();
  await running.charge(order);
  expect(await reasonOf(running.charge(order, 1, 1n))).toBe('REQUEST_ID_REUSED');
  expect(await running.ledger(order)).toHaveLength(1);
});

test('a refused charge fails none of those that are written with it', async () => {
  const used = newOrder();
  await running.charge(used);
  const calls = Array.from({ length: 30 }, () => running.charge(newOrder()));
  expect(await reasonOf(running.charge(used, 1, 1n))).toBe('REQUEST_ID_REUSED');
  const outcomes = (await Promise.all(calls)).map(({ outcome }) => outcome);
  expect(outcomes).toEqual(calls.map(() => Outcome.APPROVED));
});

test.each([0n, -1n])('an amount of %s is refused', async (amount) => {
  expect(await reasonOf(running.charge(newOrder(), 1, amount))).toBe('INVALID_REQUEST');
});

test.each([
  ['JPY', { currencyCode: 'JPY', units: 100n, nanos: 0 }],
  ['KWD', { currencyCode: 'KWD', units: 100n, nanos: 0 }],
  ['nothing that is a currency', { currencyCode: 'usd', units: 100n, nanos: 0 }],
  ['more than the ledger holds', { currencyCode: 'USD', units: 2n ** 63n - 1n, nanos: 0 }],
  [
    'a little more than the ledger holds',
    { currencyCode: 'USD', units: 2n ** 63n / 100n, nanos: 80_000_000 },
  ],
])('an amount in %s is refused', async (_, amount) => {
  const orderId = newOrder();
  const call = running.gateway.charge({ key: `${orderId}:1`, orderId, customerId: 'c-1', amount });
  expect(await reasonOf(call)).toBe('INVALID_REQUEST');
  expect(await running.ledger(orderId)).toEqual([]);
});

test('a void takes the charge back, once, and blocks the key', async () => {
  const order = newOrder();
  await running.charge(order);
  const voidIt = () => running.gateway.voidCharge({ key: `${order}:1`, orderId: order });
  expect((await voidIt()).wasCharged).toBe(true);
  expect((await voidIt()).wasCharged).toBe(true);
  expect((await running.charge(order)).outcome).toBe(Outcome.VOIDED);
  expect(await running.ledger(order)).toEqual([`CHARGE ${order}:1 1299`, `VOID ${order}:1 1299`]);
});

test('a key that was voided before it was charged is never charged', async () => {
  const order = newOrder();
  const { wasCharged } = await running.gateway.voidCharge({ key: `${order}:1`, orderId: order });
  expect(wasCharged).toBe(false);
  expect((await running.charge(order)).outcome).toBe(Outcome.VOIDED);
  expect(await running.ledger(order)).toEqual([]);
});

test('of a charge and a void at the same time nothing stays charged', async () => {
  const order = newOrder();
  await Promise.all([
    running.charge(order),
    running.gateway.voidCharge({ key: `${order}:1`, orderId: order }),
  ]);
  const kinds = (await running.ledger(order)).map((entry) => entry.split(' ')[0]);
  expect([[], ['CHARGE', 'VOID']]).toContainEqual(kinds);
});

test('a charge is refunded once, and what was refunded stays charged for repeats of its key', async () => {
  const order = newOrder();
  await running.charge(order);
  const refund = (key = `${order}:refund`) => running.gateway.refundCharge({ key, chargeKey: `${order}:1` });
  const first = await refund();
  expect(await refund()).toEqual(first);
  expect(await reasonOf(refund(`${order}:again`))).toBe('CHARGE_NOT_REFUNDABLE');
  expect((await running.charge(order)).outcome).toBe(Outcome.APPROVED);
  expect((await running.gateway.voidCharge({ key: `${order}:1`, orderId: order })).wasCharged).toBe(false);
  expect(await running.ledger(order)).toEqual([`CHARGE ${order}:1 1299`, `REFUND ${order}:1 1299`]);
});

test('a charge that does not exist cannot be refunded', async () => {
  const order = newOrder();
  const refund = { key: `${order}:refund`, chargeKey: `${order}:1` };
  expect(await reasonOf(running.gateway.refundCharge(refund))).toBe('CHARGE_NOT_REFUNDABLE');
  await running.charge(order);
  await running.gateway.voidCharge({ key: `${order}:1`, orderId: order });
  expect(await reasonOf(running.gateway.refundCharge(refund))).toBe('CHARGE_NOT_REFUNDABLE');
});

test('a charge whose response is lost was carried out; the same key then returns its outcome', async () => {
  const order = newOrder();
  const lost = [
    { kind: Fault_Kind.REFUSE, afterEffect: true },
    { errorRate: 1, errorCode: Code.Internal, afterEffect: true },
    { kind: Fault_Kind.HANG, afterEffect: true },
    { minLatency: durationFromMs(60_000), afterEffect: true },
  ];
  for (const [index, fault] of lost.entries()) {
    await running.faults.setFault({ fault: { method: 'Charge', ids: [order], ...fault } });
    await expect(running.charge(order, index + 1, 5n, 300)).rejects.toThrow();
    expect(await running.ledger(order)).toHaveLength(index + 1);
    await running.faults.clearFaults({});
    expect((await running.charge(order, index + 1, 5n)).outcome).toBe(Outcome.APPROVED);
    expect(await running.ledger(order)).toHaveLength(index + 1);
  }
});

test('carried out twice, a key is still charged once', async () => {
  const order = newOrder();
  await running.faults.setFault({ fault: { method: 'Charge', kind: Fault_Kind.TWICE } });
  expect((await running.charge(order)).outcome).toBe(Outcome.APPROVED);
  expect(await running.ledger(order)).toHaveLength(1);
});

test('a key that is declined for now stays so, and another key of the order is approved', async () => {
  const order = newOrder();
  await running.faults.setFault({
    fault: { method: 'Charge', kind: Fault_Kind.TEMPORARY_DECLINE, ids: [`${order}:1`] },
  });
  expect(await running.charge(order)).toMatchObject({
    outcome: Outcome.TEMPORARILY_DECLINED,
    declineCode: 'try_again_later',
  });
  expect((await running.charge(order, 2)).outcome).toBe(Outcome.APPROVED);
  await running.faults.clearFaults({});
  expect((await running.charge(order)).outcome).toBe(Outcome.TEMPORARILY_DECLINED);
  expect(await running.ledger(order)).toEqual([`CHARGE ${order}:2 1299`]);
});

test('orders are declined at their share by seed and id, and nothing is charged for them', async () => {
  const strict = await runGateway(testConfig({ GATEWAY_DECLINED_PERCENT: '100', GATEWAY_SEED: 's' }));
  const result = await strict.charge('o-1');
  expect(result.outcome).toBe(Outcome.DECLINED);
  expect(result.declineCode).not.toBe('');
  expect(await strict.charge('o-1')).toEqual(result);
  expect(await strict.ledger()).toEqual([]);
  await strict.stop();
});

test('the ledger is read page by page, numbered without a gap', async () => {
  const orders = Array.from({ length: 5 }, newOrder);
  const own = await runGateway(testConfig());
  await Promise.all(orders.map((order) => own.charge(order)));
  const read: bigint[] = [];
  let pageToken = '';
  do {
    const page = await own.gateway.listLedger({ pageSize: 2, pageToken });
    read.push(...page.entries.map(({ sequence }) => sequence));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  expect(read).toEqual([1n, 2n, 3n, 4n, 5n]);
  const made = pageTokens<[string]>('ledger', textKey);
  for (const pageToken of ['x', made.encode(['one']), made.encode(['-1'])]) {
    expect(await reasonOf(own.gateway.listLedger({ pageToken }))).toBe('PAGE_TOKEN_INVALID');
  }
  await own.stop();
});

test('many movements at once, of two processes, are numbered without a gap', async () => {
  const own = testConfig();
  const first = await runGateway(own);
  const second = await runGateway(own);
  await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const { charge, gateway } = index % 2 === 0 ? first : second;
      const orderId = `o-${index}`;
      await charge(orderId, 1, 5n, 20_000);
      if (index % 3 === 0) await gateway.voidCharge({ key: `${orderId}:1`, orderId });
    }),
  );
  const { entries } = await first.gateway.listLedger({});
  expect(entries.map(({ sequence }) => Number(sequence))).toEqual(
    Array.from({ length: 80 }, (_, index) => index + 1),
  );
  await first.stop();
  await second.stop();
});

test.each([
  ['is committed', ['1 o-1', '2 o-2']],
  ['fails', ['1 o-2']],
])('a movement waits until the one before %s, and takes the next number', async (end, expected) => {
  const own = testConfig();
  const { charge, gateway, stop } = await runGateway(own);
  const { database, component } = databaseOf(own);
  await component.start();
  const isWaiting = async () => {
    const found = await database.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return found.length > 0;
  };
  const purchase = { orderId: 'o-1', customerId: 'c-1', amount: 5n, currency: 'USD' };
  let next: ReturnType<typeof charge> | undefined;
  const before = ledgerTransactions(database, () => new Date())(['o-1:1'], async (transaction) => {
    const rule = { seed: '', declinedPercent: 0 };
    await chargeAll({ transaction, rule }, [{ key: 'o-1:1', purchase, notNow: false }]);
    // Sends what has been saved.
    await transaction.find([]);
    next = charge('o-2');
    await eventually(isWaiting, { timeoutMs: 4_000 });
    if (end === 'fails') throw new Error('on purpose');
  });
  if (end === 'fails') await expect(before).rejects.toThrow('on purpose');
  else await before;
  await next;
  const { entries } = await gateway.listLedger({});
  expect(entries.map(({ sequence, orderId }) => `${sequence} ${orderId}`)).toEqual(expected);
  await component.stop();
  await stop();
});

test('numbers continue from those there are, also beside a process of the version before', async () => {
  const own = testConfig();
  const { database, component } = databaseOf(own, migrations.slice(0, 1));
  await component.start();
  const appendAsBefore = (key: string) =>
    database.query(
      `insert into ledger (sequence, kind, charge_key, order_id, amount, currency, transaction_id, create_time)
       select coalesce(max(sequence), 0) + 1, 'CHARGE', $1, $1, 5, 'USD', $1, now() from ledger`,
      [key],
    );
  await appendAsBefore('before-1');
  await appendAsBefore('before-2');
  const { charge, gateway, stop } = await runGateway(own);
  expect(await database.query('select last from ledger_head')).toEqual([{ last: '2' }]);
  await charge('o-3');
  await appendAsBefore('before-4');
  await charge('o-5');
  const { entries } = await gateway.listLedger({});
  expect(entries.map(({ sequence, orderId }) => `${sequence} ${orderId}`)).toEqual([
    '1 before-1',
    '2 before-2',
    '3 o-3',
    '4 before-4',
    '5 o-5',
  ]);
  await component.stop();
  await stop();
});

test('the ledger outlives a restart, and Postgres itself refuses to change it', async () => {
  const own = testConfig();
  const before = await runGateway(own);
  await before.charge('o-1');
  await before.stop();
  const { orm, database, component } = databaseOf(own);
  await component.start();
  expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
  expect(await refusedChanges(database, 'ledger', 'amount')).toEqual([
    expect.stringMatching(/^table ledger is append-only: /),
  ]);
  await component.stop();
  const after = await runGateway(own);
  expect((await after.charge('o-1')).transactionId).toBe('ch-o-1:1');
  await Promise.all(['o-2', 'o-3'].map((order) => after.charge(order)));
  expect((await after.ledger()).sort()).toEqual([
    'CHARGE o-1:1 1299',
    'CHARGE o-2:1 1299',
    'CHARGE o-3:1 1299',
  ]);
  await after.stop();
});

test('a call without an amount is refused by the contract', async () => {
  const request = { key: 'o:1', orderId: 'o', customerId: 'c-1' };
  expect(await reasonOf(running.gateway.charge(request))).toBe('INVALID_REQUEST');
  const otherCurrency = { ...request, amount: toMoney(1n, '') };
  expect(await reasonOf(running.gateway.charge(otherCurrency))).toBe('INVALID_REQUEST');
});
