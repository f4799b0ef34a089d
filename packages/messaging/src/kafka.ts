import { readFileSync } from 'node:fs';
import type { KafkaSecurity, Logger } from '@orderflow/runtime';
import { type KafkaConfig, Kafka as KafkaJs, type LogEntry, logLevel, type SASLOptions } from 'kafkajs';
import { registerCodecs } from './compression.ts';

/** A Kafka cluster as one process uses it: its address, and the prefix of our names. */
export interface Kafka {
  readonly logger: Logger;
  /**
   * Creates a kafkajs client for one producer, consumer or admin: consumers of the same group on one client would share
   * the committed offsets that kafkajs caches.
   */
  client(options?: ClientOptions): KafkaJs;
  /** The name of a topic or group in the cluster. The only place where the prefix is added. */
  physicalName(name: string): string;
  /** The opposite of {@link Kafka.physicalName}. */
  logicalName(name: string): string;
}

export interface ClientOptions {
  /** How long to wait for the response of a broker. */
  requestTimeoutMs?: number;
  /** How often kafkajs itself retries before it reports an error. */
  retries?: number;
  /** Called when a committed offset does not exist any more and kafkajs resets to the earliest record. */
  onOffsetReset?: (topic: string, partition: number) => void;
}

/**
 * Creates it without connecting.
 * @param options.topicPrefix the prefix of every topic and group, so that tests can share a cluster; may be empty.
 */
export function createKafka(options: {
  brokers: string[];
  clientId: string;
  topicPrefix: string;
  /** Plain text and unauthenticated when not given. */
  security?: KafkaSecurity;
  logger: Logger;
}): Kafka {
  const { brokers, clientId, topicPrefix, logger } = options;
  registerCodecs();
  const security = options.security && secured(options.security);
  return {
    logger,
    client({ requestTimeoutMs = 15_000, retries = 8, onOffsetReset } = {}) {
      return new KafkaJs({
        brokers,
        clientId,
        ...security,
        connectionTimeout: 3_000,
        requestTimeout: requestTimeoutMs,
        // About ten seconds in total: a broker that has just started responds "coordinator is loading" for a while.
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

/** Converts the security settings to those of kafkajs. */
function secured({ ssl, caFile, sasl }: KafkaSecurity): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return {
    ssl: ssl && caFile !== undefined ? { ca: [readFileSync(caFile, 'utf8')] } : ssl,
    ...(sasl && { sasl: { ...sasl, mechanism: sasl.mechanism.toLowerCase() } as SASLOptions }),
  };
}

function forward({ namespace, level, log }: LogEntry, logger: Logger): void {
  const { message, timestamp: _, logger: __, ...detail } = log;
  const fields = { kafkajs: namespace, ...(Object.keys(detail).length > 0 && { detail }) };
  // One level lower: kafkajs logs each retry as an error and each rebalance as a warning. Permanent failures reach our
  // own code, which logs what they mean. An error response comes with every heartbeat of a rebalance.
  const isResponse = namespace === 'Connection' && message.startsWith('Response ');
  if (level === logLevel.ERROR && !isResponse) logger.warn(fields, message);
  else if (level === logLevel.WARN) logger.info(fields, message);
  else logger.debug(fields, message);
}

/** kafkajs reports this only as a log line; a test on a real broker checks the text. */
function reportOffsetReset(
  { namespace, log }: LogEntry,
  onOffsetReset: ClientOptions['onOffsetReset'],
): void {
  if (namespace !== 'ConsumerGroup' || !log.message.startsWith('Offset out of range, resetting')) return;
  onOffsetReset?.(String(log['topic']), Number(log['partition']));
}
