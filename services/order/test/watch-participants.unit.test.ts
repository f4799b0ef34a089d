import { expect, test } from 'vitest';
import type { ReadPosition } from '../src/ports.ts';
import { createParticipantWatch } from '../src/use-cases/watch-participants.ts';

const pollIntervalMs = 2_000;

/** Two groups on topics of two partitions; orders `o-0` and `o-1` are on the partitions of their numbers. */
function watched() {
  const state = { seconds: 0, isAllPublished: true, partitions: 2 };
  /** What is on each partition, and what a group has not read of it. */
  const ends = new Map<string, bigint>();
  const unread = new Map<string, bigint>();
  const failing = { with: undefined as Error | undefined };
  const readers = [
    ['order-events', 'inventory'],
    ['order-events', 'payment'],
    ['inventory-events', 'payment'],
  ] as const;
  const watch = createParticipantWatch({
    pollIntervalMs,
    elapsed: () => state.seconds * 1_000,
    progress: {
      async read() {
        if (failing.with !== undefined) throw failing.with;
        const positions = readers.flatMap(([topic, group]) =>
          Array.from({ length: state.partitions }, (_, partition): ReadPosition => {
            const end = ends.get(`${topic} ${partition}`) ?? 10n;
            return {
              topic,
              group,
              partition,
              end,
              readTo: end - (unread.get(`${group} ${topic} ${partition}`) ?? 0n),
            };
          }),
        );
        return { time: at(state.seconds), isAllPublished: state.isAllPublished, positions };
      },
      partitionOf: (orderId, partitions) => Number(orderId.slice(2)) % partitions,
    },
  });
  const at = (seconds: number) => new Date(1_000_000 + seconds * 1_000);
  /** A poll after so long. */
  const deadlineAfter = async (seconds: number) => {
    state.seconds += seconds;
    await watch.poll();
  };
  return { state, ends, unread, failing, watch, at, deadlineAfter };
}

test('nothing is known before the second poll; then they are up to date since the first', async () => {
  const { watch, at, deadlineAfter } = watched();
  expect(watch.statusOf('o-0')).toEqual({ kind: 'unknown' });
  await deadlineAfter(2);
  expect(watch.statusOf('o-0')).toEqual({ kind: 'unknown' });
  await deadlineAfter(2);
  expect(watch.statusOf('o-0')).toMatchObject({ kind: 'up_to_date', since: at(2) });
});

test.each([
  ['inventory', 'order-events'],
  ['payment', 'order-events'],
  ['payment', 'inventory-events'],
])('%s is behind on %s where it has not read what existed at the previous poll', async (group, topic) => {
  const { ends, unread, watch, at, deadlineAfter } = watched();
  await deadlineAfter(2);
  await deadlineAfter(2);
  // Records between two polls do not count.
  ends.set(`${topic} 1`, 15n);
  unread.set(`${group} ${topic} 1`, 5n);
  await deadlineAfter(2);
  expect(watch.statusOf('o-1')).toMatchObject({ kind: 'up_to_date', since: at(2) });
  await deadlineAfter(2);
  expect(watch.statusOf('o-1')).toEqual({ kind: 'behind', group, topic, partition: 1 });
  expect(watch.statusOf('o-0')).toMatchObject({ kind: 'up_to_date', since: at(2) });

  unread.clear();
  await deadlineAfter(2);
  expect(watch.statusOf('o-1')).toMatchObject({ kind: 'up_to_date', since: at(8) });
  expect(watch.statusOf('o-0')).toMatchObject({ kind: 'up_to_date', since: at(2) });
});

test('steady work that is read with a delay below that is not behind', async () => {
  const { ends, unread, watch, at, deadlineAfter } = watched();
  for (let precheck = 1n; precheck <= 20n; precheck += 1n) {
    ends.set('order-events 0', 100n * precheck);
    unread.set('inventory order-events 0', 99n);
    await deadlineAfter(2);
  }
  expect(watch.statusOf('o-0')).toMatchObject({ kind: 'up_to_date', since: at(2) });
});

test('a topic that was made anew, and holds less than before, is not behind', async () => {
  const { ends, watch, at, deadlineAfter } = watched();
  await deadlineAfter(2);
  ends.set('order-events 0', 1n);
  await deadlineAfter(2);
  expect(watch.statusOf('o-0')).toMatchObject({ kind: 'up_to_date', since: at(2) });
});

test('unpublished events could not be read: nothing before counts', async () => {
  const { state, watch, at, deadlineAfter } = watched();
  await deadlineAfter(2);
  await deadlineAfter(2);
  state.isAllPublished = false;
  await deadlineAfter(2);
  state.isAllPublished = true;
  await deadlineAfter(2);
  expect(watch.statusOf('o-0')).toMatchObject({ kind: 'up_to_date', since: at(6) });
});

test('after its own interruption it starts anew: frozen, or without Kafka', async () => {
  const { failing, watch, at, deadlineAfter } = watched();
  await deadlineAfter(2);
  await deadlineAfter(2);
  await deadlineAfter(7);
  expect(watch.statusOf('o-0')).toEqual({ kind: 'unknown' });
  await deadlineAfter(2);
  expect(watch.statusOf('o-0')).toMatchObject({ kind: 'up_to_date', since: at(11) });

  failing.with = new Error('Kafka is unavailable');
  for (let tries = 0; tries < 4; tries += 1)
    await expect(deadlineAfter(2)).rejects.toThrow('Kafka is unavailable');
  failing.with = undefined;
  await deadlineAfter(1);
  expect(watch.statusOf('o-0')).toEqual({ kind: 'unknown' });
});

test('partitions that are added make what was seen before worthless: an order may be on another one now', async () => {
  const { state, watch, at, deadlineAfter } = watched();
  await deadlineAfter(2);
  await deadlineAfter(2);
  state.partitions = 3;
  await deadlineAfter(2);
  expect(watch.statusOf('o-2')).toEqual({ kind: 'unknown' });
  await deadlineAfter(2);
  expect(watch.statusOf('o-2')).toMatchObject({ kind: 'up_to_date', since: at(6) });
});

test('it polls no more often than configured', async () => {
  const { watch, at, deadlineAfter } = watched();
  await deadlineAfter(2);
  await deadlineAfter(1);
  expect(watch.statusOf('o-0')).toEqual({ kind: 'unknown' });
  await deadlineAfter(1);
  expect(watch.statusOf('o-0')).toEqual({ kind: 'up_to_date', since: at(2), readUpTo: at(2) });
  await deadlineAfter(2);
  expect(watch.statusOf('o-0')).toEqual({ kind: 'up_to_date', since: at(2), readUpTo: at(4) });
});
