import { setTimeout as sleep } from 'node:timers/promises';
import { deadLetterTopic } from '@orderflow/contracts';
import type { Admin } from 'kafkajs';
import type { Kafka } from './kafka.ts';
import { messageOf } from './kafka-error.ts';

const DAY_MS = 86_400_000;
const MIN_RETENTION_MS = 30 * DAY_MS;
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_576;
const DEAD_LETTER_HEADROOM_BYTES = 65_536;
const LEADER_WAIT_MS = 15_000;

/** A topic as it is created. An existing topic is left as it is. */
export interface TopicSpec {
  /** Without the prefix. */
  readonly name: string;
  /** 3 when not given. */
  readonly partitions?: number;
  /** Milliseconds, at least 30 days. */
  readonly retention: 'unlimited' | number;
  /** The largest record batch. 1 MiB when not given. */
  readonly maxMessageBytes?: number;
}

/** A topic of events: kept as long as any topic must be at least. */
export function eventSpec(name: string): TopicSpec {
  return { name, retention: MIN_RETENTION_MS };
}

/** The topic for what `group` sets aside from `source`: kept for ever, with room for the headers that say why. */
export function deadLetterSpec(source: TopicSpec, group: string): TopicSpec {
  return {
    name: deadLetterTopic(source.name, group),
    ...(source.partitions !== undefined && { partitions: source.partitions }),
    retention: 'unlimited',
    maxMessageBytes: (source.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES) + DEAD_LETTER_HEADROOM_BYTES,
  };
}

/**
 * Creates the topics that are missing and waits until each partition has a leader. May run in several processes at
 * once.
 * @throws when a retention is too short, the cluster cannot be reached, or a leader is still missing after 15 s.
 */
export async function ensureTopics(kafka: Kafka, specs: readonly TopicSpec[]): Promise<void> {
  for (const { name, retention } of specs) {
    if (retention !== 'unlimited' && retention < MIN_RETENTION_MS) {
      throw new Error(
        `topic ${name}: retention is ${retention} ms, expected 'unlimited' or at least 30 days`,
      );
    }
  }
  const admin = kafka.client().admin();
  await admin.connect();
  try {
    const names = specs.map((spec) => kafka.physicalName(spec.name));
    const existing = new Set(await admin.listTopics());
    const missing = specs.filter((spec) => !existing.has(kafka.physicalName(spec.name)));
    // Another process may create them meanwhile; that answers "exists", which is what was asked for.
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: false,
        topics: missing.map((spec) => ({
          topic: kafka.physicalName(spec.name),
          numPartitions: spec.partitions ?? 3,
          configEntries: configOf(spec),
        })),
      });
    }
    await leadersExist(admin, names);
  } finally {
    await admin.disconnect();
  }
}

function configOf(spec: TopicSpec): { name: string; value: string }[] {
  const { retention, maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = spec;
  const config = {
    'cleanup.policy': 'delete',
    'retention.ms': retention === 'unlimited' ? '-1' : String(retention),
    'retention.bytes': '-1',
    'max.message.bytes': String(maxMessageBytes),
    // The broker unpacks what producers have compressed: kafkajs knows gzip only, and would stop at anything else.
    'compression.type': 'uncompressed',
  };
  return Object.entries(config).map(([name, value]) => ({ name, value }));
}

async function leadersExist(admin: Admin, topics: string[]): Promise<void> {
  const until = performance.now() + LEADER_WAIT_MS;
  while (true) {
    let problem = 'a partition has no leader yet';
    try {
      const metadata = await admin.fetchTopicMetadata({ topics });
      if (metadata.topics.every((topic) => topic.partitions.every((partition) => partition.leader >= 0)))
        return;
    } catch (error) {
      problem = messageOf(error);
    }
    if (performance.now() > until) throw new Error(`topics ${topics.join(', ')} are not ready: ${problem}`);
    await sleep(100);
  }
}
