import type { ChangeLog, OrderChange } from '../../domain/change-log.ts';
import type { Followed, FollowedChanges } from '../../ports.ts';

/** Those that wait for changes. */
export interface Followers {
  readonly size: number;
  add(followed: Followed, log: ChangeLog, signal: AbortSignal): FollowedChanges;
  /** Wakes those that follow the order. */
  changed(change: OrderChange): void;
  /** Fails what all of them wait for, and what will be added. */
  end(error: Error): void;
}

/** One of them: whether something has changed since it last asked. */
class Follower {
  #changed = false;
  #error: unknown;
  #waiting: { resolve: (changed: boolean) => void; reject: (error: unknown) => void } | undefined;

  wake(): void {
    if (this.#waiting === undefined) this.#changed = true;
    else this.#waiting.resolve(true);
  }

  fail(error: unknown): void {
    this.#error ??= error;
    this.#waiting?.reject(this.#error);
  }

  async next(ms: number): Promise<boolean> {
    if (this.#error !== undefined) throw this.#error;
    const changed = this.#changed;
    this.#changed = false;
    if (changed || ms <= 0) return changed;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        timer = setTimeout(resolve, ms, false);
      });
    } finally {
      this.#waiting = undefined;
      clearTimeout(timer);
    }
  }
}

/** Creates them. All are woken after so many changes, so that each reads the log before they are dropped from it. */
export function createFollowers(wakeAllAfter: number): Followers {
  const byKey = new Map<string, Set<Follower>>();
  const all = new Set<Follower>();
  let ended: Error | undefined;
  let changes = 0;

  function wake(followers: Iterable<Follower> = []): void {
    for (const follower of followers) follower.wake();
  }

  function remove(key: string, follower: Follower): void {
    all.delete(follower);
    const same = byKey.get(key);
    if (same?.delete(follower) && same.size === 0) byKey.delete(key);
  }

  return {
    get size() {
      return all.size;
    },
    add(followed, log, signal) {
      const follower = new Follower();
      const key = keyOf(followed);
      const same = byKey.get(key) ?? new Set();
      byKey.set(key, same.add(follower));
      all.add(follower);
      const onAbort = () => follower.fail(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      if (ended) follower.fail(ended);
      return {
        log,
        next: (ms) => follower.next(ms),
        [Symbol.dispose]() {
          signal.removeEventListener('abort', onAbort);
          remove(key, follower);
        },
      };
    },
    changed({ orderId, customerId }) {
      wake(byKey.get(keyOf({ kind: 'order', orderId })));
      wake(byKey.get(keyOf({ kind: 'customer', customerId })));
      wake(byKey.get(keyOf({ kind: 'all' })));
      if (++changes % wakeAllAfter === 0) wake(all);
    },
    end(error) {
      ended = error;
      for (const follower of all) follower.fail(error);
    },
  };
}

function keyOf(followed: Followed): string {
  switch (followed.kind) {
    case 'order':
      return `order ${followed.orderId}`;
    case 'customer':
      return `customer ${followed.customerId}`;
    case 'all':
      return 'all';
  }
}
