/** The next offset to read, by partition. A partition that is not named is read from its beginning. */
export type Positions = ReadonlyMap<number, number>;

/** An event of an order, as far as watchers need it. */
export interface OrderChange {
  readonly orderId: string;
  readonly customerId: string;
  /** The version of the order that the event published. */
  readonly version: number;
  readonly partition: number;
  readonly offset: number;
}

interface Entry {
  readonly change: OrderChange;
  readonly at: number;
  /** A later change of the same order is in the log. */
  superseded: boolean;
}

/** Changes of a log, and where to continue after them. */
export interface ChangeBatch {
  /** In the order of their partitions; of each order the last. */
  readonly changes: readonly OrderChange[];
  readonly end: Positions;
}

/** Reads a log from a position on, at its own pace. The log keeps nothing for it. */
export interface ChangeReader {
  /** Where it has read to. */
  readonly positions: Positions;
  /**
   * Returns the next changes that are wanted, at most `max`, and passes over the others; none at the end of the log.
   * @throws LostChangesError when changes after its position are not kept any more
   */
  take(max: number, isWanted: (change: OrderChange) => boolean): ChangeBatch;
}

/** Changes after a position are not kept any more. */
export class LostChangesError extends Error {
  override readonly name = 'LostChangesError';
}

/** The last change of each order, in memory: as many changes as allowed, and none that is too old. */
export interface ChangeLog {
  /** Appends a change, unless the log has this version of the order or a later one. Returns whether it did. */
  append(change: OrderChange): boolean;
  /** Everything before this offset is read. */
  advance(partition: number, next: number): void;
  /**
   * Begins to read after these positions; absent: after everything that was read, and that was there before the log.
   * @throws LostChangesError
   */
  reader(from?: Positions): ChangeReader;
  /** Where the log has read to. */
  readonly positions: Positions;
}

/** The log drops entries from the front of its list in pieces of at least this many. */
const MIN_DROPPED = 1_024;

/**
 * Creates a log that has read nothing yet, and will read from `start` on; `end` is where the partitions end now. Times are
 * in milliseconds.
 */
export function createChangeLog({
  start,
  end,
  maxChanges,
  maxAgeMs,
  now,
}: {
  readonly start: Positions;
  readonly end: Positions;
  readonly maxChanges: number;
  readonly maxAgeMs: number;
  readonly now: () => number;
}): ChangeLog {
  const positions = new Map(start);
  /** By partition, the offset from which on every last change is in the log. */
  const kept = new Map(start);
  const latest = new Map<string, Entry>();
  let entries: Entry[] = [];
  /** The numbers of the first entry in the list, and of the first that is still kept. */
  let base = 0;
  let first = 0;
  /** The number after that of the last entry that was dropped although no later one has replaced it. */
  let lost = 0;

  function dropOld(): void {
    const oldest = now() - maxAgeMs;
    for (; first < base + entries.length; first++) {
      const entry = entries[first - base] as Entry;
      const isFull = base + entries.length - first > maxChanges;
      if (!entry.superseded && !isFull && entry.at >= oldest) break;
      if (entry.superseded) continue;
      const { change } = entry;
      latest.delete(change.orderId);
      kept.set(change.partition, change.offset + 1);
      lost = first + 1;
    }
    if (first - base < Math.max(MIN_DROPPED, entries.length / 2)) return;
    entries = entries.slice(first - base);
    base = first;
  }

  function createReader(from: Positions, begin: number): ChangeReader {
    let next = begin;
    let own = from;
    return {
      get positions() {
        return own;
      },
      take(max, isWanted) {
        if (next < lost) throw new LostChangesError('changes that were not read yet are not kept any more');
        const changes: OrderChange[] = [];
        const passed = new Map(own);
        next = Math.max(next, first);
        for (; next < base + entries.length && changes.length < max; next++) {
          const { change, superseded } = entries[next - base] as Entry;
          if (change.offset < (passed.get(change.partition) ?? 0)) continue;
          passed.set(change.partition, change.offset + 1);
          if (!superseded && isWanted(change)) changes.push(change);
        }
        own = next === base + entries.length ? later(passed, positions) : passed;
        return { changes, end: own };
      },
    };
  }

  return {
    positions,
    append(change) {
      const earlier = latest.get(change.orderId);
      if (earlier !== undefined) {
        if (earlier.change.version >= change.version) return false;
        earlier.superseded = true;
        latest.delete(change.orderId);
      }
      const entry = { change, at: now(), superseded: false };
      latest.set(change.orderId, entry);
      entries.push(entry);
      dropOld();
      return true;
    },
    advance(partition, next) {
      positions.set(partition, next);
    },
    reader(from) {
      if (from === undefined) return createReader(later(positions, end), base + entries.length);
      for (const [partition, offset] of kept) {
        if ((from.get(partition) ?? 0) < offset) {
          throw new LostChangesError(
            `changes of partition ${partition} before offset ${offset} are not kept`,
          );
        }
      }
      return createReader(from, first);
    },
  };
}

/** Of each partition the later of two positions. */
function later(a: Positions, b: Positions): Positions {
  const result = new Map(a);
  for (const [partition, offset] of b) result.set(partition, Math.max(offset, result.get(partition) ?? 0));
  return result;
}
