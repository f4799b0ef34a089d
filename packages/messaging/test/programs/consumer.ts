// A consumer in a process of its own, to be killed and frozen. Says what happens to it in lines on stdout.
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, createMetrics } from '@orderflow/runtime';
import { createBatchConsumer, createKafka } from '../../src/index.ts';

const { BROKERS = '', PREFIX = '', BATCH_SIZE = '500', HOLD_MS = '0', SESSION_MS = '1000' } = process.env;
const logger = createLogger({ service: 'consumer', level: 'info' });
const kafka = createKafka({ brokers: BROKERS.split(','), clientId: 'program', topicPrefix: PREFIX, logger });

const consumer = createBatchConsumer({
  kafka,
  groupId: 'readers',
  topics: ['inbox'],
  async handle(records, { signal, isCurrent }) {
    console.log(`handling ${records.map((record) => record.value).join(' ')}`);
    await sleep(Number(HOLD_MS), undefined, { signal }).catch(() => {});
    console.log(`handled, current: ${isCurrent()}, aborted: ${signal.aborted}`);
  },
  isOutage: () => false,
  logger,
  meter: createMetrics({ service: 'consumer' }).meter,
  batchSize: Number(BATCH_SIZE),
  sessionTimeoutMs: Number(SESSION_MS),
});
process.once('SIGTERM', () => void consumer.stop().then(() => process.exit(0)));
await consumer.start();
