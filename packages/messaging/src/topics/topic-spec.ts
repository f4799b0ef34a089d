import { deadLetterTopic } from '@orderflow/contracts';

const DAY_MS = 86_400_000;
export const MIN_RETENTION_MS = 30 * DAY_MS;
export const DEFAULT_PARTITIONS = 3;
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_576;
const DEAD_LETTER_HEADROOM_BYTES = 65_536;

/** The settings with which a topic is created. An existing topic is left unchanged. */
export interface TopicSpec {
  /** Without the prefix. */
  readonly name: string;
  /** 3 when not given. */
  readonly partitions?: number;
  /** Milliseconds, at least 30 days. */
  readonly retention: 'unlimited' | number;
  /** The largest record batch, in bytes. 1 MiB when not given. */
  readonly maxMessageBytes?: number;
  readonly isForDeadLetters?: true;
}

/** A topic of events, with the shortest retention that any topic may have. */
export function eventSpec(name: string): TopicSpec {
  return { name, retention: MIN_RETENTION_MS };
}

/** The dead-letter topic of `group` for `source`: unlimited retention, and headroom for the headers that say why. */
export function deadLetterSpec(source: TopicSpec, group: string): TopicSpec {
  return {
    name: deadLetterTopic(source.name, group),
    ...(source.partitions !== undefined && { partitions: source.partitions }),
    retention: 'unlimited',
    maxMessageBytes: (source.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES) + DEAD_LETTER_HEADROOM_BYTES,
    isForDeadLetters: true,
  };
}

/** The configuration with which a topic is created. */
export function settingsOf({ retention, maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES }: TopicSpec) {
  return {
    'cleanup.policy': 'delete',
    'retention.ms': retention === 'unlimited' ? '-1' : String(retention),
    'retention.bytes': '-1',
    'max.message.bytes': String(maxMessageBytes),
    // The broker decompresses batches, and refuses what is then too large.
    'compression.type': 'uncompressed',
  } as const;
}
