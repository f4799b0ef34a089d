import { setTimeout as sleep } from 'node:timers/promises';
import { ensureTopics, type Kafka, type TopicSpec } from '@orderflow/messaging';
import type { Component, Logger } from '@orderflow/runtime';

const retryMs = 5000;
const maxWaitMs = 3000;
/** A start that takes longer has not reached Kafka, and joins no group any more. */
const maxStopMs = 2000;

/**
 * Creates the topics that this service uses, then starts its consumer. The start waits briefly for the topics, so that
 * the relay finds them; without Kafka it continues in the background, because customers and products can be read,
 * events wait in the outbox, and orders on their topic.
 */
export function kafkaInBackground(options: {
  readonly kafka: Kafka;
  readonly specs: readonly TopicSpec[];
  readonly consumer: Component;
  readonly logger: Logger;
}): Component {
  const { kafka, specs, consumer, logger } = options;
  const stopping = new AbortController();
  let starting = Promise.resolve();
  let isConsuming = false;

  async function untilDone(work: () => Promise<void>, problem: string): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await work();
        return;
      } catch (error) {
        logger.warn({ err: error }, `${problem}; retrying`);
        await sleep(retryMs, undefined, { signal: stopping.signal }).catch(() => {});
      }
    }
  }

  async function consume(): Promise<void> {
    await consumer.start();
    if (stopping.signal.aborted) await consumer.stop();
    else isConsuming = true;
  }

  return {
    name: 'kafka',
    ...(consumer.failed && { failed: consumer.failed }),
    async start() {
      const created = untilDone(
        () => ensureTopics(kafka, specs),
        'creating topics failed: events wait in the outbox',
      );
      void created.then(() => {
        starting = untilDone(consume, 'joining the consumer group failed: orders are counted later');
      });
      await Promise.race([created, sleep(maxWaitMs, undefined, { ref: false })]);
    },
    async stop() {
      stopping.abort();
      await Promise.race([starting, sleep(maxStopMs, undefined, { ref: false })]);
      if (isConsuming) await consumer.stop();
    },
  };
}
