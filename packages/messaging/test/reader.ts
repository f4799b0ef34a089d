import { deadLetterTopic } from '@orderflow/contracts';
import { type BatchConsumerOptions, createBatchConsumer, deadLetterSpec, type Kafka } from '../src/index.ts';
import { recordingLogger, testKafka, testMetrics } from './kit.ts';

export const inbox = { name: 'inbox', partitions: 1, retention: 'unlimited' } as const;
export const dlq = deadLetterTopic('inbox', 'readers');

/** A Kafka with `inbox` and the dead letters of the group `readers`. */
export const withDeadLetters = (partitions = 1) =>
  testKafka([{ ...inbox, partitions }, deadLetterSpec(inbox, 'readers')]);

export class Outage extends Error {}

/** The group `readers` of the topic `inbox`. */
export function reader(
  kafka: Kafka,
  handle: BatchConsumerOptions['handle'],
  options: Partial<BatchConsumerOptions> = {},
) {
  const { logger, lines } = recordingLogger();
  const metrics = testMetrics();
  const component = createBatchConsumer({
    kafka,
    groupId: 'readers',
    topics: ['inbox'],
    handle,
    isOutage: (error) => error instanceof Outage,
    logger,
    meter: metrics.meter,
    sessionTimeoutMs: 3_000,
    ...options,
  });
  return { component, lines, metrics };
}

/**
 * Sends values to partitions of `inbox`. Each in a request of its own: a partition of a new topic may refuse the first,
 * and kafkajs then repeats all of it.
 */
export async function sendTo(kafka: Kafka, values: Record<number, string[]>): Promise<void> {
  const producer = kafka.client().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  for (const [partition, ofPartition] of Object.entries(values)) {
    const messages = ofPartition.map((value) => ({ partition: Number(partition), value }));
    await producer.send({ topic: kafka.physicalName('inbox'), messages });
  }
  await producer.disconnect();
}
