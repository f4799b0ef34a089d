import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import { ChargeResponse_Outcome as Outcome } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { Fault_Kind } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { errorReason } from '@orderflow/rpc';
import { createPostgres, nativeQuery } from '@orderflow/storage';
import { uniqueName } from '@orderflow/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { migrations } from '../src/migrations/index.ts';
import { ChargeRow, LedgerRow } from '../src/outbound/postgres/entities.ts';
import { quietLogger, runGateway, testConfig } from './running-gateway.ts';

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
  const answers = await Promise.all(Array.from({ length: 8 }, () => running.charge(order)));
  expect(new Set(answers.map(({ transactionId }) => transactionId)).size).toBe(1);
  expect(answers.every(({ outcome }) => outcome === Outcome.APPROVED)).toBe(true);
  expect(await running.ledger(order)).toEqual([`CHARGE ${order}:1 1299`]);
});

test('another amount under a used key is refused, and nothing moves', async () => {
  const order = newOrder();
  await running.charge(order);
  expect(await reasonOf(running.charge(order, 1, 1n))).toBe('REQUEST_ID_REUSED');
  expect(await running.ledger(order)).toHaveLength(1);
});

test.each([0n, -1n])('an amount of %s is refused', async (amount) => {
  expect(await reasonOf(running.charge(newOrder(), 1, amount))).toBe('INVALID_REQUEST');
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

test('a charge is given back once, and what was given back stays charged for repeats of its key', async () => {
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

test('what does not stand charged cannot be given back', async () => {
  const order = newOrder();
  const refund = { key: `${order}:refund`, chargeKey: `${order}:1` };
  expect(await reasonOf(running.gateway.refundCharge(refund))).toBe('CHARGE_NOT_REFUNDABLE');
  await running.charge(order);
  await running.gateway.voidCharge({ key: `${order}:1`, orderId: order });
  expect(await reasonOf(running.gateway.refundCharge(refund))).toBe('CHARGE_NOT_REFUNDABLE');
});

test('a charge whose answer is lost was carried out; the same key then answers what became of it', async () => {
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
  const answer = await strict.charge('o-1');
  expect(answer.outcome).toBe(Outcome.DECLINED);
  expect(answer.declineCode).not.toBe('');
  expect(await strict.charge('o-1')).toEqual(answer);
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
  expect(await reasonOf(own.gateway.listLedger({ pageToken: 'x' }))).toBe('PAGE_TOKEN_INVALID');
  await own.stop();
});

test('the ledger outlives a restart, and Postgres itself refuses to change it', async () => {
  const own = testConfig();
  const before = await runGateway(own);
  await before.charge('o-1');
  await before.stop();
  const { orm, component } = createPostgres({
    url: own.postgresUrl,
    database: `${own.databasePrefix}gateway`,
    applicationName: 'test',
    entities: [ChargeRow, LedgerRow],
    migrations,
    logger: quietLogger,
  });
  await component.start();
  expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
  for (const statement of ['update ledger set amount = 0', 'delete from ledger', 'truncate ledger']) {
    await expect(nativeQuery(orm.em.fork(), statement)).rejects.toThrow('append-only');
  }
  await component.stop();
  const after = await runGateway(own);
  expect((await after.charge('o-1')).transactionId).toBe('ch-o-1:1');
  expect(await after.ledger()).toEqual(['CHARGE o-1:1 1299']);
  await after.stop();
});

test('a call without an amount is refused by the contract', async () => {
  const request = { key: 'o:1', orderId: 'o', customerId: 'c-1' };
  expect(await reasonOf(running.gateway.charge(request))).toBe('INVALID_REQUEST');
  const otherCurrency = { ...request, amount: toMoney(1n, '') };
  expect(await reasonOf(running.gateway.charge(otherCurrency))).toBe('INVALID_REQUEST');
});
