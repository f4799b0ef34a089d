import type { Kafka } from '@orderflow/messaging';
import type { OwnTokens } from '@orderflow/rpc';
import type { ConfigOf, Logger, Meter } from '@orderflow/runtime';
import type { Postgres } from '@orderflow/storage';
import type { Redis } from 'ioredis';
import type { settings } from '../config.ts';
import type { Limits } from '../domain/transition.ts';
import type { ChangeLogLimits } from '../outbound/kafka/order-changes.ts';
import type { OrderDocuments, OrderStore, Stock } from '../ports.ts';
import type { WatchTimes } from '../use-cases/watch-order.ts';

/** The dependencies that the roles of a process share. */
export interface Shared extends Pick<Postgres, 'database' | 'readGauge' | 'relayConnection' | 'listen'> {
  readonly config: ConfigOf<typeof settings>;
  readonly redis: Redis;
  readonly kafka: Kafka;
  /** The tokens for calls of its own. */
  readonly ownTokens: OwnTokens | undefined;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly now: () => Date;
  /** Replacements for real dependencies in tests. */
  readonly overrides: {
    readonly store?: OrderStore;
    readonly documents?: OrderDocuments;
    readonly stock?: Stock;
    readonly checkLimitMs?: number;
    readonly watchTimes?: WatchTimes;
    readonly changeLogLimits?: ChangeLogLimits;
  };
}

/** The options that all consumers of the service have. */
export function consumerOptions({ config, kafka, logger, meter }: Shared) {
  const { batchSize, sessionTimeoutMs } = config;
  return { kafka, logger, meter, batchSize, sessionTimeoutMs };
}

/** What orders are judged by. */
export function termsOf({ currency, taxBasisPoints }: Shared['config']) {
  return { currency, taxBasisPoints };
}

/** How long orders may wait. */
export function limitsOf(config: Shared['config']): Limits {
  return {
    decisionMs: config.pendingDeadlineMs,
    orderMs: config.orderDeadlineMs,
    settleMs: config.settleDeadlineMs,
  };
}
