import type { BehindPartition, ParticipantStatus } from '../domain/deadline.ts';
import type { ParticipantProgress, ReadPosition } from '../ports.ts';

/** Tracks whether the participants keep up, by frequent polls. */
export interface ParticipantWatch {
  /** Polls the participants if the interval has passed. Throws when the stores are unavailable. */
  poll(): Promise<void>;
  /** The status for the partitions of an order. */
  statusOf(orderId: string): ParticipantStatus;
}

interface Dependencies {
  readonly progress: ParticipantProgress;
  /** How long a participant may take to read a record before it is behind; also the poll interval, in milliseconds. */
  readonly pollIntervalMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly elapsed?: () => number;
}

/** How late a poll may be, beyond twice its interval, before the time in between counts as unobserved. */
const toleranceMs = 2_000;

/**
 * Watches how far the participants have read. One is behind on a partition when a poll finds that it has not read what
 * was there at the previous poll. Only records that it has read since it was last behind have had their time for a
 * reply; missing replies from before that do not cancel an order.
 */
export function createParticipantWatch({
  progress,
  pollIntervalMs,
  elapsed = () => performance.now(),
}: Dependencies): ParticipantWatch {
  let lastPoll: { readonly at: number; readonly time: Date; readonly positions: Positions } | undefined;
  /** Undefined: not known. `readUpTo`: all participants that are not behind have read everything up to then. */
  let seen: { readonly behind: ReadonlySet<string>; readonly readUpTo: Date } | undefined;
  /** Until when the watch had not begun, or events were not published, so that they could not be read. */
  let unobservedUntil = new Date(0);
  const behindUntil = new Map<string, Date>();

  return {
    async poll() {
      const at = elapsed();
      if (lastPoll !== undefined && at - lastPoll.at < pollIntervalMs) return;
      const { time, isAllPublished, positions: read } = await progress.read(lastPoll?.time);
      const positions = positionsOf(read);
      const before = lastPoll;
      lastPoll = { at, time, positions };
      const isContinuous =
        before !== undefined &&
        at - before.at <= 2 * pollIntervalMs + toleranceMs &&
        // A key may now be in another partition, which was not watched for it.
        hasSamePartitions(before.positions, positions);
      if (!isContinuous) {
        seen = undefined;
        unobservedUntil = time;
        return;
      }
      const behind = new Set(
        [...positions.byKey.keys()].filter((key) =>
          isBehind(before.positions.byKey.get(key), positions.byKey.get(key)),
        ),
      );
      seen = { behind, readUpTo: before.time };
      for (const key of behind) behindUntil.set(key, time);
      if (!isAllPublished) unobservedUntil = time;
    },

    statusOf(orderId) {
      if (seen === undefined || lastPoll === undefined) return { kind: 'unknown' };
      let since = unobservedUntil;
      const partitionAmong = memoized((partitions) => progress.partitionOf(orderId, partitions));
      for (const { topic, group, partitions } of lastPoll.positions.readers) {
        const partition = partitionAmong(partitions);
        const key = keyOf({ topic, group, partition });
        if (seen.behind.has(key)) return { kind: 'behind', group, topic, partition };
        const until = behindUntil.get(key);
        if (until !== undefined && until > since) since = until;
      }
      return { kind: 'up_to_date', since, readUpTo: seen.readUpTo };
    },
  };
}

/** Memoized, because hashing an id is most of the cost of a check, and topics usually have equally many partitions. */
function memoized(partitionAmong: (partitions: number) => number): (partitions: number) => number {
  const known = new Map<number, number>();
  return (partitions) => {
    const partition = known.get(partitions) ?? partitionAmong(partitions);
    known.set(partitions, partition);
    return partition;
  };
}

function isBehind(before: ReadPosition | undefined, now: ReadPosition | undefined): boolean {
  if (before === undefined || now === undefined) return false;
  // A recreated topic may end before the earlier end: no reader will ever reach that.
  return now.readTo < before.end && now.readTo < now.end;
}

interface Positions {
  readonly byKey: ReadonlyMap<string, ReadPosition>;
  /** Which group reads which topic, and how many partitions that has. */
  readonly readers: readonly {
    readonly topic: string;
    readonly group: string;
    readonly partitions: number;
  }[];
}

const keyOf = ({ topic, group, partition }: BehindPartition) => `${group} ${topic} ${partition}`;

function positionsOf(positions: readonly ReadPosition[]): Positions {
  const byReader = Map.groupBy(positions, ({ topic, group }) => `${group} ${topic}`);
  return {
    byKey: new Map(positions.map((position) => [keyOf(position), position])),
    readers: [...byReader.values()].flatMap(([first, ...rest]) =>
      first === undefined ? [] : [{ topic: first.topic, group: first.group, partitions: rest.length + 1 }],
    ),
  };
}

function hasSamePartitions(a: Positions, b: Positions): boolean {
  return a.byKey.size === b.byKey.size && [...a.byKey.keys()].every((key) => b.byKey.has(key));
}
