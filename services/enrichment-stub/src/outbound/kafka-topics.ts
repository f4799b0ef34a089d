import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@orderflow/contracts';
import { ensureTopics, eventSpec, type Kafka } from '@orderflow/messaging';
import type { Component, Logger } from '@orderflow/runtime';

const retryMs = 5000;
const patienceMs = 3000;

/**
 * Creates the topics this service writes. The start waits a little for it, so that the relay finds them; without
 * Kafka it goes on in the background, as customers and products can be read and events wait in the outbox.
 */
export function kafkaTopics(kafka: Kafka, logger: Logger): Component {
  const stopping = new AbortController();

  async function createUntilThere(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await ensureTopics(kafka, [eventSpec(topics.customerEvents)]);
        return;
      } catch (error) {
        logger.warn(
          { err: error },
          'topics could not be created yet, trying again; events wait in the outbox',
        );
        await sleep(retryMs, undefined, { signal: stopping.signal }).catch(() => {});
      }
    }
  }

  return {
    name: 'kafka-topics',
    async start() {
      await Promise.race([createUntilThere(), sleep(patienceMs, undefined, { ref: false })]);
    },
    async stop() {
      stopping.abort();
    },
  };
}
