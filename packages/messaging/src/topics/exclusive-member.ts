import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Kafka } from '../kafka.ts';
import { isFenced, kafkaErrorType } from '../kafka-error.ts';

const GROUP_POLL_MS = 200;
/** The margin, beyond the session timeout, after which the broker has removed a member that died. */
const EXPIRY_MARGIN_MS = 3_000;

/** Another member is in a group that allows one member at a time. */
export class GroupBusyError extends Error {
  override readonly name = 'GroupBusyError';
}

/** How to join a group that allows one member at a time. */
export interface ExclusiveMemberOptions {
  readonly kafka: Kafka;
  /** How long the group stays blocked when this process is killed, in milliseconds; 30,000 when not given. */
  readonly sessionTimeoutMs?: number;
  /** Called once when another member is in the group, before waiting for it to leave. */
  readonly onGroupBusy?: () => void;
  readonly signal?: AbortSignal;
}

/** The error for a group that another member has joined. */
export function groupTaken(group: string): GroupBusyError {
  return new GroupBusyError(`another process has joined the consumer group ${group}`);
}

/** Whether a heartbeat or a commit reports another member, perhaps before kafkajs reports that it rejoins. */
export function isMembershipOver(error: unknown): boolean {
  return isFenced(error) || kafkaErrorType(error) === 'REBALANCE_IN_PROGRESS';
}

/** The number of members of a group; `groupId` with the prefix. */
export async function memberCount(admin: Admin, groupId: string): Promise<number> {
  try {
    const { groups } = await admin.describeGroups([groupId]);
    return groups[0]?.members.length ?? 0;
  } catch (error) {
    // A group that has never existed: brokers from 4.0 on report it as an error.
    if (kafkaErrorType(error) === 'GROUP_ID_NOT_FOUND') return 0;
    throw error;
  }
}

/**
 * Waits until a group has no member: a member that was killed stays until its session expires.
 * @throws GroupBusyError when it takes longer than that; the reason of the signal.
 */
export async function waitUntilFree(
  group: string,
  { kafka, sessionTimeoutMs = 30_000, onGroupBusy, signal }: ExclusiveMemberOptions,
): Promise<void> {
  const admin = kafka.client({ retries: 5 }).admin();
  await admin.connect();
  try {
    const until = performance.now() + sessionTimeoutMs + EXPIRY_MARGIN_MS;
    let notified = false;
    while ((await memberCount(admin, kafka.physicalName(group))) > 0) {
      if (performance.now() > until) {
        throw new GroupBusyError(`another process is in the consumer group ${group}`);
      }
      if (!notified) onGroupBusy?.();
      notified = true;
      await sleep(GROUP_POLL_MS, undefined, { ...(signal && { signal }) });
    }
  } finally {
    await admin.disconnect();
  }
}

/**
 * Commits an offset for a group without members, as its only member, with metadata.
 * @throws GroupBusyError when the group has another member; errors of Kafka.
 */
export async function commitExclusively(
  position: { group: string; topic: string; partition: number; offset: bigint; metadata?: string },
  options: ExclusiveMemberOptions,
): Promise<void> {
  const { kafka, sessionTimeoutMs = 30_000 } = options;
  const { group, partition, offset, metadata = null } = position;
  const topic = kafka.physicalName(position.topic);
  await waitUntilFree(group, options);
  options.signal?.throwIfAborted();
  const consumer = kafka.client({ retries: 5 }).consumer({
    groupId: kafka.physicalName(group),
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: sessionTimeoutMs / 10,
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
  });
  let isOurs = false;
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    isOurs = payload.memberAssignment[topic]?.includes(partition) ?? false;
    // Records fetched meanwhile are ignored.
    consumer.pause([{ topic }]);
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async () => {} });
    if (!isOurs) throw groupTaken(group);
    await consumer.commitOffsets([{ topic, partition, offset: String(offset), metadata }]);
  } catch (error) {
    throw isMembershipOver(error) ? groupTaken(group) : error;
  } finally {
    await consumer.disconnect();
  }
}
