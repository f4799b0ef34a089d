import type { Logger } from '@orderflow/runtime';
import { Kafka as KafkaJs, type LogEntry, logLevel } from 'kafkajs';

/** A Kafka cluster as one process sees it: where it is, and what stands in front of our names. */
export interface Kafka {
  readonly logger: Logger;
  /**
   * A kafkajs client of its own for one producer, consumer or admin: consumers of the same group on one client would
   * share what kafkajs remembers about committed offsets.
   */
  client(options?: ClientOptions): KafkaJs;
  /** The name of a topic or group in the cluster. The only place where the prefix is added. */
  physicalName(name: string): string;
  /** The opposite of {@link Kafka.physicalName}. */
  logicalName(name: string): string;
}

export interface ClientOptions {
  /** How long an answer of a broker is waited for. */
  requestTimeoutMs?: number;
  /** How often kafkajs itself tries again before it reports an error. */
  retries?: number;
  /** Called when a committed offset does not exist any more and kafkajs goes back to the earliest record. */
  onOffsetReset?: (topic: string, partition: number) => void;
}

/**
 * Nothing is connected yet.
 * @param options.topicPrefix goes in front of every topic and group, so that tests can share a cluster; may be empty.
 */
export function createKafka(options: {
  brokers: string[];
  clientId: string;
  topicPrefix: string;
  logger: Logger;
}): Kafka {
  const { brokers, clientId, topicPrefix, logger } = options;
  return {
    logger,
    client({ requestTimeoutMs = 15_000, retries = 8, onOffsetReset } = {}) {
      return new KafkaJs({
        brokers,
        clientId,
        connectionTimeout: 3_000,
        requestTimeout: requestTimeoutMs,
        // About ten seconds in all: a broker that has just started answers "coordinator is loading" for a while.
        retry: { retries, initialRetryTime: 100, maxRetryTime: 2_000, multiplier: 2, factor: 0.2 },
        logLevel: logLevel.INFO,
        logCreator: () => (entry) => {
          reportOffsetReset(entry, onOffsetReset);
          forward(entry, logger);
        },
      });
    },
    physicalName: (name) => topicPrefix + name,
    logicalName: (name) => (name.startsWith(topicPrefix) ? name.slice(topicPrefix.length) : name),
  };
}

function forward({ namespace, level, log }: LogEntry, logger: Logger): void {
  const { message, timestamp: _, logger: __, ...detail } = log;
  const fields = { kafkajs: namespace, ...(Object.keys(detail).length > 0 && { detail }) };
  // One level down: kafkajs calls each try an error and each rebalance a warning. What fails for good reaches our
  // own code, which knows what it means. An answer that is an error comes with every heartbeat of a rebalance.
  const isAnswer = namespace === 'Connection' && message.startsWith('Response ');
  if (level === logLevel.ERROR && !isAnswer) logger.warn(fields, message);
  else if (level === logLevel.WARN) logger.info(fields, message);
  else logger.debug(fields, message);
}

/** kafkajs tells this in no other way than a log line; a test on a real broker holds the text. */
function reportOffsetReset(
  { namespace, log }: LogEntry,
  onOffsetReset: ClientOptions['onOffsetReset'],
): void {
  if (namespace !== 'ConsumerGroup' || !log.message.startsWith('Offset out of range, resetting')) return;
  onOffsetReset?.(String(log['topic']), Number(log['partition']));
}
