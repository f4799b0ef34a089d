import { randomUUID } from 'node:crypto';
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { deadLetterTopic, groups, topics } from '@orderflow/contracts';
import {
  OrderAcceptedSchema,
  OrderCompletedSchema,
  OrderReservedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import {
  createBatchConsumer,
  createKafka,
  createProducer,
  encodeEvent,
  type OutgoingRecord,
  openTopicOffsets,
  type ReceivedRecord,
} from '@orderflow/messaging';
import { createMetrics } from '@orderflow/runtime';
import { uniqueName } from '@orderflow/testing';
import type { Config } from '../src/config.ts';
import { quietLogger } from './running-stub.ts';

function record<Desc extends DescMessage>(
  schema: Desc,
  orderId: string,
  message: MessageInitShape<Desc>,
): OutgoingRecord {
  const about = { id: randomUUID(), source: '/orderflow/order', subject: orderId, time: new Date() };
  const { headers, value } = encodeEvent(schema, create(schema, message), about);
  return { topic: topics.orderEvents, key: orderId, value, headers };
}

/** OrderAccepted, as the order service writes it. */
export function accepted(orderId: string, customerId: string): OutgoingRecord {
  return record(OrderAcceptedSchema, orderId, { orderId, customerId });
}

/** Events that follow OrderAccepted and are not counted. */
export function followers(orderId: string): OutgoingRecord[] {
  return [
    record(OrderReservedSchema, orderId, { orderId }),
    record(OrderCompletedSchema, orderId, { orderId }),
  ];
}

/** Writes `order-events` as the order service would; the topics must exist. */
export async function orderTopic(config: Config) {
  const logger = quietLogger;
  const { kafkaBrokers: brokers, topicPrefix } = config;
  const kafka = createKafka({ brokers, clientId: 'test', topicPrefix, logger });
  const producer = createProducer(kafka);
  const offsets = await openTopicOffsets(kafka);
  const letters: ReceivedRecord[] = [];
  const consumer = createBatchConsumer({
    kafka,
    groupId: uniqueName('reader'),
    topics: [deadLetterTopic(topics.orderEvents, groups.customers)],
    handle: async (batch) => void letters.push(...batch),
    isOutage: () => false,
    logger,
    meter: createMetrics({ service: 'test' }).meter,
  });
  await consumer.start();
  return {
    letters,
    send: (...records: OutgoingRecord[]) => producer.send(records),
    /** Whether group `customers` has committed everything that was sent. */
    async isRead(): Promise<boolean> {
      const committed = await offsets.committed(groups.customers, topics.orderEvents);
      const ranges = (await offsets.ranges(topics.orderEvents)) ?? [];
      return ranges.every(({ partition, to }) => to === 0n || committed.get(partition) === to);
    },
    async [Symbol.asyncDispose]() {
      await consumer.stop();
      await offsets[Symbol.asyncDispose]();
      await producer.close();
    },
  };
}
