import { seededRandom } from '@orderflow/testing/seeded-random';
import { expect, test } from 'vitest';
import { createChangeLog, type OrderChange, type Positions } from '../src/domain/change-log.ts';
import type { StoredOrder } from '../src/domain/order.ts';
import { fromResumeToken, toResumeToken } from '../src/inbound/rpc/resume-token.ts';
import { createFollowers } from '../src/outbound/kafka/followers.ts';
import type { OrderChanges } from '../src/ports.ts';
import { watchOrders } from '../src/use-cases/watch-orders.ts';

const PARTITIONS = 3;
const ORDERS = 12;
const times = { bookmarkMs: 1_000_000, lifetimeMs: 1_000_000 };

/** A topic, the database that is ahead of it, and instances that have read parts of it. */
function world(seed: number) {
  const random = seededRandom(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  const versions = new Map<string, number>();
  const unpublished: OrderChange[] = [];
  const topic: OrderChange[] = [];
  const ends = Array.from({ length: PARTITIONS }, () => 0);

  function commit(): void {
    const n = upTo(ORDERS);
    const orderId = `o-${n}`;
    const version = (versions.get(orderId) ?? 0) + 1;
    versions.set(orderId, version);
    unpublished.push({ orderId, version, customerId: `c-${n % 2}`, partition: n % PARTITIONS, offset: -1 });
  }

  function publish(): void {
    const change = unpublished.shift();
    if (change === undefined) return;
    // The relay was killed after it, now and then.
    for (let copies = random() < 0.1 ? 2 : 1; copies > 0; copies--) {
      const offset = ends[change.partition] ?? 0;
      ends[change.partition] = offset + 1;
      topic.push({ ...change, offset });
    }
  }

  function instance() {
    const start = new Map(ends.map((_, partition) => [partition, 0]));
    const log = createChangeLog({ start, end: start, maxChanges: 10_000, maxAgeMs: 1e9, now: () => 0 });
    const followers = createFollowers(1_000);
    let read = 0;
    const changes: OrderChanges = {
      follow: async (followed, signal) => followers.add(followed, log, signal),
    };
    return {
      changes,
      readMore(count: number): void {
        for (const change of topic.slice(read, read + count)) {
          if (log.append(change)) followers.changed(change);
          log.advance(change.partition, change.offset + 1);
          read++;
        }
      },
    };
  }
  const load = async (orderId: string) =>
    ({
      ...{ orderId, version: versions.get(orderId) ?? 0 },
      customerId: `c-${Number(orderId.slice(2)) % 2}`,
    }) as unknown as StoredOrder;
  return { random, upTo, versions, unpublished, topic, commit, publish, instance, load };
}

/** Watches at one instance until everything it can see was seen, or for `max` responses. */
async function watchFor(
  { changes, load }: { changes: OrderChanges; load: (orderId: string) => Promise<StoredOrder> },
  request: { customerId: string | undefined; from: Positions | undefined },
  max: number,
  seen: Map<string, number>,
): Promise<string> {
  const stop = new AbortController();
  const own = new Map<string, number>();
  let token = '';
  let count = 0;
  // What waits for a change is stopped once all that is due was taken.
  const idle = () => setImmediate(() => setImmediate(() => stop.abort(new Error('enough'))));
  let timer = idle();
  try {
    for await (const { order, positions } of watchOrders({ changes, load }, request, times, stop.signal)) {
      clearImmediate(timer);
      token = toResumeToken(positions);
      if (order !== undefined) {
        expect(order.version).toBeGreaterThan(own.get(order.orderId) ?? 0);
        own.set(order.orderId, order.version);
        seen.set(order.orderId, Math.max(order.version, seen.get(order.orderId) ?? 0));
      }
      count++;
      if (count >= max) break;
      timer = idle();
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  return token;
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))(
  'wherever a watch is cut and continued, at any instance, it misses no last version (seed %i)',
  async (seed) => {
    const { random, upTo, versions, unpublished, topic, commit, publish, instance, load } = world(seed);
    const instances = [instance(), instance()];
    const customerId = seed % 3 === 0 ? 'c-1' : undefined;
    const seen = new Map<string, number>();
    let token = '';
    for (let round = 0; round < 40; round++) {
      for (let n = upTo(8); n > 0; n--) commit();
      for (let n = upTo(8); n > 0; n--) publish();
      const { changes, readMore } = instances[upTo(2)] ?? instance();
      readMore(upTo(10));
      const request = { customerId, from: fromResumeToken(token) ?? new Map() };
      token = (await watchFor({ changes, load }, request, 1 + upTo(random() < 0.5 ? 3 : 30), seen)) || token;
    }
    while (unpublished.length > 0) publish();
    const last = instance();
    last.readMore(topic.length);
    await watchFor(
      { changes: last.changes, load },
      { customerId, from: fromResumeToken(token) ?? new Map() },
      1e9,
      seen,
    );
    const expected = [...versions].filter(
      ([id]) => customerId === undefined || Number(id.slice(2)) % 2 === 1,
    );
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(expected));
  },
);
