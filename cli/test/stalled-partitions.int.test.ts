import { groups, topics } from '@orderflow/contracts';
import { createBatchConsumer, openTopicOffsets } from '@orderflow/messaging';
import { createLogger, createMetrics, loadConfig } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { settings } from '../src/config.ts';
import { stalledPartitions } from '../src/orders/stalled-partitions.ts';
import { type Bench, createBench, plainOrder } from './kit.ts';

async function stalledOf({ kafka, env }: Bench): Promise<string> {
  await using offsets = await openTopicOffsets(kafka);
  const terminal = { print() {}, note() {}, signal: new AbortController().signal };
  const config = loadConfig(settings, env);
  return await stalledPartitions({ ...terminal, kafka, config, callHeaders: async () => ({}) }, offsets);
}

/** A worker that reads all there is. */
function workerOf({ kafka }: Bench) {
  return createBatchConsumer({
    kafka,
    groupId: groups.orderWorker,
    topics: [topics.orders],
    handle: async () => {},
    isOutage: () => true,
    logger: createLogger({ service: 'test', level: 'silent' }),
    meter: createMetrics({ service: 'test' }).meter,
    sessionTimeoutMs: 3_000,
  });
}

test('records without a consumer are reported as stalled, until one reads them', async () => {
  const bench = await createBench();
  expect(await stalledOf(bench)).toBe('');
  await bench.send([{ topic: topics.orders, key: null, value: plainOrder('o-1') }]);
  const unread = await stalledOf(bench);
  expect(unread).toContain('orders/0/0');
  expect(unread).toContain('NO PROCESS reads it');

  const worker = workerOf(bench);
  await worker.start();
  try {
    await eventually(async () => (await stalledOf(bench)) === '');
  } finally {
    await worker.stop();
  }
});
