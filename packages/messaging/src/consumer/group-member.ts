import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Kafka } from '../kafka.ts';
import { isFenced, kafkaErrorType } from '../kafka-error.ts';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../topics/topic-spec.ts';
import { type Assignment, createAssignments } from './assignment.ts';
import type { Position } from './pauses.ts';

/** How long the broker keeps an empty fetch open. Stopping waits for it, and so does a heartbeat. */
const MAX_FETCH_WAIT_MS = 1_000;
/** The same while a partition pauses, which waits for it when it resumes. */
const MAX_FETCH_WAIT_PAUSED_MS = 250;
/** Fits the largest record that a topic takes by default and a second one whose success shows that the first is bad. */
const FETCH_BYTES_PER_PARTITION = 2 * DEFAULT_MAX_MESSAGE_BYTES;
const REBALANCE_TIMEOUT_MS = 60_000;
/** The maximum age of metadata; new partitions are found through it. */
const METADATA_MAX_AGE_MS = 10_000;

/** A kafkajs consumer, and what is known of its membership in the group. */
export interface GroupMember {
  readonly consumer: Consumer;
  readonly assignment: Assignment;
  readonly heartbeatMs: number;
  /** Sends a heartbeat while a batch is handled. Never rejects. */
  heartbeat(payload: EachBatchPayload, assignment: Assignment): Promise<void>;
  /** Ends the assignment if the error of a request says that the partitions belong to another member. */
  noteFenced(error: unknown): void;
}

/** Creates a member without connecting. `onFailed` is called when kafkajs has stopped it for good. */
export function createGroupMember(options: {
  kafka: Kafka;
  groupId: string;
  sessionTimeoutMs: number;
  isAnyPaused: () => boolean;
  onJoined: (positions: readonly Position[]) => void;
  /** The group rebalances, this member has not rejoined: what it commits now counts. May be called more than once. */
  onRebalance: () => void;
  onLeft: () => void;
  onFailed: (error: Error) => void;
  onOffsetReset: (position: Position) => void;
}): GroupMember {
  const { kafka, groupId, sessionTimeoutMs, isAnyPaused } = options;
  const { onJoined, onRebalance, onLeft, onFailed, onOffsetReset } = options;
  const heartbeatMs = sessionTimeoutMs / 10;
  const idleWaitMs = Math.max(Math.min(MAX_FETCH_WAIT_MS, heartbeatMs), MAX_FETCH_WAIT_PAUSED_MS);
  const assignments = createAssignments(sessionTimeoutMs);
  let heartbeatSentAt = 0;
  const toPosition = (topic: string, partition: number) => ({ topic: kafka.logicalName(topic), partition });
  const consumer = kafka
    .client({ onOffsetReset: (topic, partition) => onOffsetReset(toPosition(topic, partition)) })
    .consumer({
      groupId: kafka.physicalName(groupId),
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(REBALANCE_TIMEOUT_MS, sessionTimeoutMs),
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: () => (isAnyPaused() ? MAX_FETCH_WAIT_PAUSED_MS : idleWaitMs),
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      allowAutoTopicCreation: false,
    });
  const { on, events } = consumer;

  on(events.REQUEST, ({ payload }) => {
    if (payload.apiName === 'Heartbeat') heartbeatSentAt = payload.sentAt;
  });
  // The time it was sent, not the time its response was read: the process may have been frozen in between.
  on(events.HEARTBEAT, () => assignments.confirmed(heartbeatSentAt));
  on(events.GROUP_JOIN, ({ payload }) => {
    assignments.joined();
    onJoined(
      Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => toPosition(topic, partition)),
      ),
    );
  });
  on(events.REBALANCING, () => {
    // kafkajs rejoins now, but asks first who the coordinator is: requests that are sent here are ahead of the join.
    onRebalance();
    assignments.lost();
  });
  on(events.STOP, left);
  on(events.CRASH, ({ payload }) => {
    left();
    if (!payload.restart) onFailed(payload.error);
  });

  function left(): void {
    assignments.lost();
    onLeft();
  }

  function noteFenced(error: unknown): void {
    if (isFenced(error)) assignments.lost();
  }

  return {
    consumer,
    get assignment() {
      return assignments.current;
    },
    heartbeatMs,
    async heartbeat(payload, assignment) {
      // Called for its side effect: it aborts the signal once the session has expired.
      assignment.isCurrent();
      try {
        await payload.heartbeat();
      } catch (error) {
        noteFenced(error);
        if (kafkaErrorType(error) !== 'REBALANCE_IN_PROGRESS') return;
        // The group is rebalancing: the partitions stay ours, and their offsets count, until this consumer rejoins.
        assignments.confirmed(heartbeatSentAt);
        assignments.ending();
        onRebalance();
      }
    },
    noteFenced,
  };
}
