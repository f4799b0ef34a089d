import type { Logger, Meter } from '@orderflow/runtime';
import type { Kafka } from '../kafka.ts';
import type { BatchHandler } from './batch.ts';

/** What a batch consumer reads, and how. */
export interface BatchConsumerOptions {
  readonly kafka: Kafka;
  /** Without the prefix; it is also part of the names of the dead-letter topics. */
  readonly groupId: string;
  /** Without the prefix. The topics and their dead-letter topics must exist. */
  readonly topics: readonly string[];
  readonly handle: BatchHandler;
  /** Whether an error of `handle` means that a dependency is unavailable, so that the records are not to blame. */
  readonly isOutage: (error: unknown) => boolean;
  readonly logger: Logger;
  readonly meter: Meter;
  /** The largest number of records handled at once. */
  readonly batchSize?: number;
  /** How long the partitions of a process that died stay blocked, in milliseconds. */
  readonly sessionTimeoutMs?: number;
  /** The shortest delay before the next fetch after a fetch with few records, where latency does not matter. */
  readonly minFetchDelayMs?: number;
}
