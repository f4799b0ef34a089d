import { describe, expect, test } from 'vitest';
import { jointCommits } from '../src/joint-commits.ts';
import { createTenures } from '../src/tenure.ts';

type Offsets = Record<string, string>;

class Refused extends Error {
  readonly type: string;

  constructor(type: string) {
    super(type);
    this.type = type;
  }
}

/** A group whose coordinator answers with `answer`, and what it was asked to commit. */
function group(answer: (offsets: Offsets) => void = () => {}) {
  const requests: Offsets[] = [];
  const errors: unknown[] = [];
  const tenures = createTenures(1_000);
  tenures.joined();
  const joint = jointCommits((error) => {
    errors.push(error);
    if (error instanceof Refused && error.type === 'ILLEGAL_GENERATION') tenures.lost();
  });
  const commit = (topic: string, partition: number, offset: bigint, tenure = tenures.current) => {
    const payload = {
      batch: { topic, partition },
      async commitOffsetsIfNecessary({ topics }: { topics: { topic: string; partitions: Partition[] }[] }) {
        const entries = topics.flatMap((one) =>
          one.partitions.map((each) => [`${one.topic}/${each.partition}`, each.offset] as const),
        );
        const offsets = Object.fromEntries(entries);
        requests.push(offsets);
        answer(offsets);
      },
    };
    return joint({ payload: payload as Parameters<typeof joint>[0]['payload'], tenure, offset });
  };
  return { requests, errors, tenures, commit };
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
  const answers = await Promise.allSettled([commit('a', 0, 7n), commit('gone', 0, 1n), commit('a', 1, 3n)]);
  expect(answers).toMatchObject([
    { value: true },
    { reason: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } },
    { value: true },
  ]);
  expect(requests.slice(1)).toEqual([{ 'a/0': '7' }, { 'gone/0': '1' }, { 'a/1': '3' }]);
});

test('what was read in an earlier tenure is not committed with what is ours now, and does not hinder it', async () => {
  const { requests, tenures, commit } = group();
  const { current: earlier } = tenures;
  tenures.joined();
  expect(await Promise.all([commit('a', 0, 7n, earlier), commit('a', 1, 3n)])).toEqual([false, true]);
  expect(requests).toEqual([{ 'a/1': '3' }]);
});

test('what was read in an earlier tenure is not ours, whatever happens to the rest', async () => {
  const { tenures, commit } = group(() => {
    throw new Error('connection closed');
  });
  const { current: earlier } = tenures;
  tenures.joined();
  expect(await Promise.allSettled([commit('a', 0, 7n, earlier), commit('a', 1, 3n)])).toMatchObject([
    { value: false },
    { reason: { message: 'connection closed' } },
  ]);
});

test('a tenure that ends between the asking and the request is not committed', async () => {
  const { requests, tenures, commit } = group();
  const answer = commit('a', 0, 7n);
  tenures.lost();
  expect(await answer).toBe(false);
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
