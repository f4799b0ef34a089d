import { join } from 'node:path';
import { eventually, startProcess } from '@orderflow/testing';
import { seededRandom } from '@orderflow/testing/seeded-random';
import { expect, test } from 'vitest';
import { crashPoints } from '../src/crash-points.ts';
import { accepted, followers, orderTopic } from './order-events.ts';
import { openDatabase, runStub, testConfig, testEnv } from './running-stub.ts';

const main = join(import.meta.dirname, '../src/main.ts');

/** Sorts in an order that is the same for the same seed. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}

test('10,000 events, repeated and in any order, and kills at each crash point: every order is counted once', async () => {
  const env = testEnv();
  // The topics and the database must be there before the processes that are to die.
  const first = await runStub(testConfig(env));
  await using topic = await orderTopic(testConfig(env));
  await first.stop();

  const random = seededRandom(10_000);
  const orders = Array.from({ length: 2_500 }, (_, index) => ({
    orderId: `o-${index}`,
    // Some customers have many orders.
    customerId: `c-${1 + Math.floor(random() ** 3 * 60)}`,
  }));
  const events = orders.flatMap(({ orderId, customerId }) => [
    accepted(orderId, customerId),
    accepted(orderId, customerId),
    ...followers(orderId),
  ]);
  expect(events).toHaveLength(10_000);
  const sent = shuffled(events, random);
  const parts = [sent.slice(0, 4_000), sent.slice(4_000, 7_000), sent.slice(7_000)];

  const crashes = [`${crashPoints.counted}#1`, 'consumer-after-fetch#2', `${crashPoints.counted}#3`];
  for (const [index, point] of crashes.entries()) {
    await topic.send(...(parts[index] ?? []));
    await using victim = startProcess({
      command: process.execPath,
      args: [main],
      env: { ...env, ORDERFLOW_TEST: '1', CRASH_AT: point },
    });
    expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(victim.output()).toContain(`crash point ${point}`);
  }

  // Two at once, as in a roll-out.
  const config = testConfig(env);
  const [stub, other] = await Promise.all([runStub(config), runStub(config)]);
  await eventually(async () => expect(await topic.isRead()).toBe(true), { timeoutMs: 60_000 });
  for (const [customerId, { length }] of Map.groupBy(orders, (order) => order.customerId)) {
    const { customer } = await stub.customers.getCustomer({ customerId });
    expect(customer).toMatchObject({ customerId, orderCount: BigInt(length) });
  }
  await using database = await openDatabase(config);
  const [row] = await database.query<{ count: number }>('select count(*)::int as count from counted_order');
  expect(row?.count).toBe(orders.length);
  expect(topic.letters).toEqual([]);
  await Promise.all([stub.stop(), other.stop()]);
}, 120_000);
