import {
  type ChangeReader,
  LostChangesError,
  type OrderChange,
  type Positions,
} from '../domain/change-log.ts';
import type { StoredOrder } from '../domain/order.ts';
import { Refusal } from '../domain/refusal.ts';
import type { OrderChanges } from '../ports.ts';
import type { WatchTimes } from './watch-order.ts';

/** So many orders are read at once. */
const BATCH = 100;

/** What a watch yields: an order, or a bookmark without one, and the positions from which a watch continues after it. */
export interface WatchedOrder {
  readonly order: StoredOrder | undefined;
  readonly positions: Positions;
}

/**
 * Yields a bookmark, then each order after its changes, and bookmarks in between; of changes that come faster than they
 * are taken the last. Of an order versions increase, and its last version is always yielded. Holds nothing for a caller
 * that takes nothing but its position in the log.
 * @throws Refusal WATCH_TOO_OLD, SLOW_CONSUMER, DEPENDENCY_UNAVAILABLE; the reason of the signal
 */
export async function* watchOrders(
  {
    changes,
    load,
  }: {
    readonly changes: OrderChanges;
    /** Reads an order; undefined when there is none. */
    readonly load: (orderId: string) => Promise<StoredOrder | undefined>;
  },
  {
    customerId,
    from,
  }: {
    /** Undefined: of all. */
    readonly customerId: string | undefined;
    /** Undefined: from now on. */
    readonly from: Positions | undefined;
  },
  { bookmarkMs, lifetimeMs }: WatchTimes,
  signal: AbortSignal,
): AsyncGenerator<WatchedOrder, void, undefined> {
  using followed = await changes.follow(
    customerId === undefined ? { kind: 'all' } : { kind: 'customer', customerId },
    signal,
  );
  const { log } = followed;
  const endsAt = performance.now() + lifetimeMs;
  const reader = translated('WATCH_TOO_OLD', () => log.reader(from));
  const isWanted = (change: OrderChange) => customerId === undefined || change.customerId === customerId;
  /** Versions that were read before their events. */
  const ahead = new Map<string, number>();
  let { positions } = reader;
  // The first at once: the watch has begun.
  let bookmarkAt = 0;

  for (;;) {
    const { changes: taken, end } = take(reader, isWanted);
    const orders = await Promise.all(taken.map(({ orderId }) => load(orderId)));
    for (const [index, change] of taken.entries()) {
      const order = orders[index];
      positions = after(positions, change);
      // The database decides, not what an event says: whether there is such an order, and whose it is.
      if (order === undefined || (customerId !== undefined && order.customerId !== customerId)) continue;
      const known = ahead.get(change.orderId) ?? 0;
      if (order.version > change.version) ahead.set(change.orderId, order.version);
      else ahead.delete(change.orderId);
      if (order.version <= known) continue;
      yield { order, positions };
    }
    positions = end;
    if (taken.length === BATCH) continue;
    if (performance.now() >= Math.min(bookmarkAt, endsAt)) {
      // The first one may be of another instance, which has read more.
      if (bookmarkAt > 0 && isAhead(positions, log.positions)) {
        throw new Refusal('WATCH_TOO_OLD', 'resume_token is of events that do not exist: watch without one');
      }
      yield { order: undefined, positions };
      if (performance.now() >= endsAt) return;
      bookmarkAt = performance.now() + bookmarkMs;
    }
    await followed.next(Math.min(bookmarkAt, endsAt) - performance.now());
  }
}

function take(reader: ChangeReader, isWanted: (change: OrderChange) => boolean) {
  return translated('SLOW_CONSUMER', () => reader.take(BATCH, isWanted));
}

function after(positions: Positions, { partition, offset }: OrderChange): Positions {
  return new Map(positions).set(partition, offset + 1);
}

/** Whether the positions are beyond what this process has read: one bookmark later they are of another topic. */
function isAhead(positions: Positions, read: Positions): boolean {
  return positions.entries().some(([partition, offset]) => offset > (read.get(partition) ?? 0));
}

function translated<T>(reason: 'WATCH_TOO_OLD' | 'SLOW_CONSUMER', read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof LostChangesError)) throw error;
    throw new Refusal(reason, `${error.message}: watch without a resume_token, and list`, { cause: error });
  }
}
