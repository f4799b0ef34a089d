import type { Component } from '@orderflow/runtime';
import type { Kafka } from '../kafka.ts';
import { isKafkaOutage } from '../kafka-error.ts';
import { ensureTopics } from './topic-admin.ts';
import type { TopicSpec } from './topic-spec.ts';

/** Ensures at startup that the topics of a process exist; see {@link ensureTopics}. */
export function topicsComponent(kafka: Kafka, specs: readonly TopicSpec[]): Component {
  return {
    name: 'topics',
    isOutage: isKafkaOutage,
    start: () => ensureTopics(kafka, specs),
    stop: async () => {},
  };
}
