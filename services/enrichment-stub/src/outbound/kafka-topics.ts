import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@orderflow/contracts';
import { ensureTopics, eventSpec, type Kafka } from '@orderflow/messaging';
import type { Component, Logger } from '@orderflow/runtime';

const retryMs = 5000;
const maxWaitMs = 3000;

/**
 * Creates the topics that this service writes. The start waits briefly for it, so that the relay finds them; without
 * Kafka it continues in the background, because customers and products can be read and events wait in the outbox.
 */
export function kafkaTopics(kafka: Kafka, logger: Logger): Component {
  const stopping = new AbortController();

  async function createUntilThere(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await ensureTopics(kafka, [eventSpec(topics.customerEvents)]);
        return;
      } catch (error) {
        logger.warn({ err: error }, 'creating topics failed: events wait in the outbox; retrying');
        await sleep(retryMs, undefined, { signal: stopping.signal }).catch(() => {});
      }
    }
  }

  return {
    name: 'kafka-topics',
    async start() {
      await Promise.race([createUntilThere(), sleep(maxWaitMs, undefined, { ref: false })]);
    },
    async stop() {
      stopping.abort();
    },
  };
}
