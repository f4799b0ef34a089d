import { describe, expect, test } from 'vitest';
import { createAssignments } from '../src/consumer/assignment.ts';
import { coalesceCommits } from '../src/consumer/coalesce-commits.ts';

type Offsets = Record<string, string>;

class Refused extends Error {
  readonly type: string;

  constructor(type: string) {
    super(type);
    this.type = type;
  }
}

/** A group whose coordinator responds with `respond`, and the offsets of its commits. */
function group(respond: (offsets: Offsets) => void = () => {}) {
  const requests: Offsets[] = [];
  const errors: unknown[] = [];
  const assignments = createAssignments(1_000);
  assignments.joined();
  const commitCoalesced = coalesceCommits((error) => {
    errors.push(error);
    if (error instanceof Refused && error.type === 'ILLEGAL_GENERATION') assignments.lost();
  });
  const commit = (topic: string, partition: number, offset: bigint, assignment = assignments.current) => {
    const payload = {
      batch: { topic, partition },
      async commitOffsetsIfNecessary({ topics }: { topics: { topic: string; partitions: Partition[] }[] }) {
        const entries = topics.flatMap((one) =>
          one.partitions.map((each) => [`${one.topic}/${each.partition}`, each.offset] as const),
        );
        const offsets = Object.fromEntries(entries);
        requests.push(offsets);
        respond(offsets);
      },
    };
    return commitCoalesced({
      payload: payload as Parameters<typeof commitCoalesced>[0]['payload'],
      assignment,
      offset,
    });
  };
  return { requests, errors, assignments, commit };
}
interface Partition {
  readonly partition: number;
  readonly offset: string;
}

test('offsets that come in one tick are committed in one request', async () => {
  const { requests, commit } = group();
  expect(await Promise.all([commit('a', 0, 7n), commit('b', 0, 1n), commit('a', 1, 3n)])).toEqual([
    true,
    true,
    true,
  ]);
  expect(requests).toEqual([{ 'a/0': '7', 'b/0': '1', 'a/1': '3' }]);
});

test('a partition that is refused fails alone, its neighbours are committed', async () => {
  const { requests, commit } = group((offsets) => {
    if ('gone/0' in offsets) throw new Refused('UNKNOWN_TOPIC_OR_PARTITION');
  });
  const results = await Promise.allSettled([commit('a', 0, 7n), commit('gone', 0, 1n), commit('a', 1, 3n)]);
  expect(results).toMatchObject([
    { value: true },
    { reason: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } },
    { value: true },
  ]);
  expect(requests.slice(1)).toEqual([{ 'a/0': '7' }, { 'gone/0': '1' }, { 'a/1': '3' }]);
});

test('what was read in an earlier assignment is not committed with what is ours now, and does not hinder it', async () => {
  const { requests, assignments, commit } = group();
  const { current: earlier } = assignments;
  assignments.joined();
  expect(await Promise.all([commit('a', 0, 7n, earlier), commit('a', 1, 3n)])).toEqual([false, true]);
  expect(requests).toEqual([{ 'a/1': '3' }]);
});

test('offsets read in an earlier assignment are not committed, whatever happens to the others', async () => {
  const { assignments, commit } = group(() => {
    throw new Error('connection closed');
  });
  const { current: earlier } = assignments;
  assignments.joined();
  expect(await Promise.allSettled([commit('a', 0, 7n, earlier), commit('a', 1, 3n)])).toMatchObject([
    { value: false },
    { reason: { message: 'connection closed' } },
  ]);
});

test('an assignment that ends between the call and the request is not committed', async () => {
  const { requests, assignments, commit } = group();
  const respond = commit('a', 0, 7n);
  assignments.lost();
  expect(await respond).toBe(false);
  expect(requests).toEqual([]);
});

describe.each(['ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'])('after %s', (type) => {
  const refusing = () =>
    group(() => {
      throw new Refused(type);
    });

  test('no partition of the request is ours, and none is asked for again', async () => {
    const { requests, errors, commit } = refusing();
    expect(await Promise.all([commit('a', 0, 7n), commit('a', 1, 3n)])).toEqual([false, false]);
    expect(requests).toHaveLength(1);
    expect(errors).toEqual([new Refused(type)]);
  });

  test('a partition that came alone is not ours either', async () => {
    expect(await refusing().commit('a', 0, 7n)).toBe(false);
  });
});
