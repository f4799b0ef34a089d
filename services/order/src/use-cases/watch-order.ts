import type { FullOrder } from '../domain/order.ts';
import { orderNotFound } from '../domain/refusal.ts';
import type { OrderChanges, OrderReader } from '../ports.ts';

/** How long a watch lasts, and how often it says that it does, in milliseconds. */
export interface WatchTimes {
  readonly bookmarkMs: number;
  readonly lifetimeMs: number;
}

/**
 * Yields an order as it is, if its version is higher than `afterVersion` or that is 0, and again after each of its changes
 * until it has ended; versions increase. Yields undefined at each bookmark and at the end of the lifetime. `ownedBy`: those
 * of other customers do not exist.
 * @throws Refusal ORDER_NOT_FOUND, DEPENDENCY_UNAVAILABLE; the reason of the signal
 */
export async function* watchOrder(
  {
    changes,
    reader,
    load,
  }: {
    readonly changes: OrderChanges;
    readonly reader: Pick<OrderReader, 'find'>;
    /** Returns undefined for an order that does not exist any more: Postgres was restored to an earlier time. */
    readonly load: (orderId: string) => Promise<FullOrder | undefined>;
  },
  {
    orderId,
    afterVersion,
    ownedBy,
  }: { readonly orderId: string; readonly afterVersion: number; readonly ownedBy: string | undefined },
  { bookmarkMs, lifetimeMs }: WatchTimes,
  signal: AbortSignal,
): AsyncGenerator<FullOrder | undefined, void, undefined> {
  // Before the order is read: what changes meanwhile is read once more.
  using followed = await changes.follow({ kind: 'order', orderId }, signal);
  const endsAt = performance.now() + lifetimeMs;
  let order = await reader.find(orderId, ownedBy);
  if (order === undefined) throw orderNotFound(orderId);
  if (order.version <= afterVersion && afterVersion > 0 && !mayChange(order)) return;
  let sent = afterVersion > 0 ? afterVersion : -1;
  let bookmarkAt = performance.now() + bookmarkMs;

  for (;;) {
    if (order.version > sent) {
      yield order;
      sent = order.version;
      if (hasEnded(order)) return;
      bookmarkAt = performance.now() + bookmarkMs;
    }
    if (await followed.next(Math.min(bookmarkAt, endsAt) - performance.now())) {
      order = await load(orderId);
      if (order === undefined) throw orderNotFound(orderId);
    } else if (performance.now() >= Math.min(bookmarkAt, endsAt)) {
      yield undefined;
      if (performance.now() >= endsAt) return;
      bookmarkAt = performance.now() + bookmarkMs;
    }
  }
}

function hasEnded({ state }: FullOrder): boolean {
  return state === 'REJECTED' || state === 'CANCELLED' || state === 'COMPLETED';
}

/** A completed order may be refunded. */
function mayChange(order: FullOrder): boolean {
  return !hasEnded(order) || (order.state === 'COMPLETED' && !order.refunded);
}
