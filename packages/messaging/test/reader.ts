import { deadLetterTopic } from '@orderflow/contracts';
import { ConfigResourceTypes } from 'kafkajs';
import { type BatchConsumerOptions, createBatchConsumer, deadLetterSpec, type Kafka } from '../src/index.ts';
import { recordingLogger, testKafka, testMetrics } from './kit.ts';

export const inbox = { name: 'inbox', partitions: 1, retention: 'unlimited' } as const;
export const dlq = deadLetterTopic('inbox', 'readers');

/** A Kafka with `inbox` and the dead letters of the group `readers`. */
export const withDeadLetters = (partitions = 1) =>
  testKafka([{ ...inbox, partitions }, deadLetterSpec(inbox, 'readers')]);

/** As {@link withDeadLetters}, with `inbox` as a topic that was there before us: what producers compress stays compressed. */
export async function compressedTopic(partitions = 1): Promise<Kafka> {
  const kafka = await withDeadLetters(partitions);
  const admin = kafka.client().admin();
  await admin.connect();
  const configEntries = [{ name: 'compression.type', value: 'producer' }];
  const resource = { type: ConfigResourceTypes.TOPIC, name: kafka.physicalName('inbox'), configEntries };
  await admin.alterConfigs({ validateOnly: false, resources: [resource] });
  await admin.disconnect();
  return kafka;
}

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

/** Sends values to partitions of `inbox`, all in one request. */
export async function sendTo(kafka: Kafka, values: Record<number, string[]>): Promise<void> {
  const producer = kafka.client().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const messages = Object.entries(values).flatMap(([partition, ofPartition]) =>
    ofPartition.map((value) => ({ partition: Number(partition), value })),
  );
  await producer.send({ topic: kafka.physicalName('inbox'), messages });
  await producer.disconnect();
}
