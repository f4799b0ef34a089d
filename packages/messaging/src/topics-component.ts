import type { Component } from '@orderflow/runtime';
import type { Kafka } from './kafka.ts';
import { isKafkaOutage } from './kafka-error.ts';
import { ensureTopics, type TopicSpec } from './topic-admin.ts';

/** Has the topics that a process needs when it has started; see {@link ensureTopics}. */
export function topicsComponent(kafka: Kafka, specs: readonly TopicSpec[]): Component {
  return {
    name: 'topics',
    isOutage: isKafkaOutage,
    start: () => ensureTopics(kafka, specs),
    stop: async () => {},
  };
}
