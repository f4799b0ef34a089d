import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Kafka } from '../kafka.ts';
import { messageOf } from '../kafka-error.ts';
import { checkTopicSettings } from './topic-settings.ts';
import { DEFAULT_PARTITIONS, MIN_RETENTION_MS, settingsOf, type TopicSpec } from './topic-spec.ts';

const LEADER_WAIT_MS = 15_000;

/**
 * Creates missing topics and waits until each partition can be written. Then checks the settings of all topics, see
 * {@link checkTopicSettings}. May run in several processes at once.
 * @throws when a retention is too short, the cluster cannot be reached, a leader is still missing after 15 s, or
 *   nothing could be written to a topic.
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
    // Another process may create them at the same time; the broker then responds "exists", which is fine.
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: false,
        topics: missing.map((spec) => ({
          topic: kafka.physicalName(spec.name),
          numPartitions: spec.partitions ?? DEFAULT_PARTITIONS,
          configEntries: Object.entries(settingsOf(spec)).map(([name, value]) => ({ name, value })),
        })),
      });
    }
    await untilWritable(admin, names);
    await checkTopicSettings(kafka, admin, specs);
  } finally {
    await admin.disconnect();
  }
}

/**
 * Metadata name a leader before it accepts records. A batch sent in that time would be written to some partitions and
 * refused by others, and kafkajs would send all of it again: so each leader is asked for its offsets.
 */
async function untilWritable(admin: Admin, topics: string[]): Promise<void> {
  const until = performance.now() + LEADER_WAIT_MS;
  while (true) {
    let problem = 'a partition has no leader yet';
    try {
      const metadata = await admin.fetchTopicMetadata({ topics });
      const isLed = metadata.topics.every((topic) =>
        topic.partitions.every((partition) => partition.leader >= 0),
      );
      if (isLed) {
        await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
        return;
      }
    } catch (error) {
      problem = messageOf(error);
    }
    if (performance.now() > until) throw new Error(`topics ${topics.join(', ')} are not ready: ${problem}`);
    await sleep(100);
  }
}
