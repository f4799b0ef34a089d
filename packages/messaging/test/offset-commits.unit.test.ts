import { createLogger } from '@orderflow/runtime';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createOffsetCommits } from '../src/consumer/offset-commits.ts';

type Offsets = Record<string, string>;

class Refused extends Error {
  readonly type: string;

  constructor(type: string) {
    super(type);
    this.type = type;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A group whose coordinator responds with `respond`, and the offsets of its commits. */
function group(respond: (offsets: Offsets) => unknown = () => {}) {
  const requests: Offsets[] = [];
  const errors: unknown[] = [];
  const accepted: Offsets = {};
  const lines: { level: string; msg: string }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const logger = createLogger({ service: 'test', level: 'debug', destination });
  const commits = createOffsetCommits({
    logger,
    onCommitted({ position, next }) {
      accepted[`${position.topic}/${position.partition}`] = String(next);
    },
    onError: (error) => errors.push(error),
  });
  const payload = {
    batch: { topic: '', partition: 0, highWatermark: '0' },
    async commitOffsetsIfNecessary({ topics }: { topics: { topic: string; partitions: Partition[] }[] }) {
      const entries = topics.flatMap((one) =>
        one.partitions.map((each) => [`${one.topic}/${each.partition}`, each.offset] as const),
      );
      const offsets = Object.fromEntries(entries);
      requests.push(offsets);
      await respond(offsets);
    },
  };
  const commit = (topic: string, partition: number, next: bigint, mayWait: boolean) => {
    const position = { topic, partition };
    const ofPartition = { ...payload, batch: { ...payload.batch, ...position } };
    return commits.commit(
      { position, payload: ofPartition as Parameters<typeof commits.commit>[0]['payload'], next },
      mayWait,
    );
  };
  return {
    ...commits,
    requests,
    errors,
    accepted,
    lines,
    now: (topic: string, partition: number, next: bigint) => commit(topic, partition, next, false),
    later: (topic: string, partition: number, next: bigint) => commit(topic, partition, next, true),
  };
}
interface Partition {
  readonly partition: number;
  readonly offset: string;
}

/** Settles a promise while time stands still. */
async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const result = Promise.allSettled([promise]);
  await vi.advanceTimersByTimeAsync(1);
  return (await result)[0];
}

describe('an offset that may wait', () => {
  test('is committed after 250 ms, in one request with the others, each as far as it was handled by then', async () => {
    const { later, requests, accepted } = group();
    expect(await later('a', 0, 7n)).toBe(true);
    await vi.advanceTimersByTimeAsync(200);
    expect(await later('a', 0, 9n)).toBe(true);
    expect(await later('b', 1, 3n)).toBe(true);
    expect(requests).toEqual([]);
    await vi.advanceTimersByTimeAsync(51);
    expect(requests).toEqual([{ 'a/0': '9', 'b/1': '3' }]);
    expect(accepted).toEqual({ 'a/0': '9', 'b/1': '3' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(requests).toHaveLength(1);
  });

  test('goes along with one that may not', async () => {
    const { later, now, requests } = group();
    await later('a', 0, 7n);
    expect(await settled(now('b', 0, 1n))).toMatchObject({ value: true });
    expect(requests).toEqual([{ 'a/0': '7', 'b/0': '1' }]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(requests).toHaveLength(1);
  });

  test('is committed at once by a flush, as before a rebalance and a stop', async () => {
    const { later, flush, requests } = group();
    await later('a', 0, 7n);
    await settled(flush());
    expect(requests).toEqual([{ 'a/0': '7' }]);
  });

  test('is dropped when the group is joined again: kafkajs would commit it under the new generation', async () => {
    const { later, drop, requests } = group();
    await later('a', 0, 7n);
    drop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(requests).toEqual([]);
    await later('a', 1, 9n);
    await vi.advanceTimersByTimeAsync(251);
    expect(requests).toEqual([{ 'a/1': '9' }]);
  });

  test('is dropped when its offset was reset, the others are not', async () => {
    const { later, forget, requests } = group();
    await later('a', 0, 7n);
    await later('a', 1, 3n);
    forget({ topic: 'a', partition: 0 });
    await vi.advanceTimersByTimeAsync(251);
    expect(requests).toEqual([{ 'a/1': '3' }]);
  });

  test('is awaited while the earlier one of its partition is on its way, and does not overtake it', async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const { later, requests } = group(() => answered);
    await later('a', 0, 7n);
    await vi.advanceTimersByTimeAsync(251);
    expect(requests).toEqual([{ 'a/0': '7' }]);
    let isDone = false;
    const next = later('a', 0, 9n).finally(() => {
      isDone = true;
    });
    expect(await later('b', 0, 1n)).toBe(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([requests.length, isDone]).toEqual([1, false]);
    answer();
    expect(await settled(next)).toMatchObject({ value: true });
    expect(requests.slice(1)).toEqual([{ 'a/0': '9', 'b/0': '1' }]);
  });
});

describe('while the broker does not accept commits', () => {
  function failing() {
    const state = { isDown: true };
    const it = group(() => {
      if (state.isDown) throw new Error('connection closed');
    });
    return { ...it, state };
  }

  test('what waits is retried until it is accepted, with one line in the log at each end', async () => {
    const { later, requests, accepted, lines, state } = failing();
    await later('a', 0, 7n);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(requests.length).toBeGreaterThan(3);
    expect(requests.length).toBeLessThan(15);
    expect(accepted).toEqual({});
    state.isDown = false;
    await vi.advanceTimersByTimeAsync(5_001);
    expect(accepted).toEqual({ 'a/0': '7' });
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      ['warn', 'handled offsets cannot be committed; retrying with backoff'],
      ['info', 'handled offsets are committed again'],
    ]);
  });

  test('no other offset waits: its commit fails, so that its partition pauses', async () => {
    const { later, requests, accepted, state } = failing();
    await later('a', 0, 7n);
    await vi.advanceTimersByTimeAsync(251);
    expect(await settled(later('b', 0, 1n))).toMatchObject({ reason: { message: 'connection closed' } });
    state.isDown = false;
    expect(await settled(later('a', 0, 9n))).toMatchObject({ value: true });
    expect(requests.at(-1)).toEqual({ 'a/0': '9', 'b/0': '1' });
    expect(accepted).toEqual({ 'a/0': '9', 'b/0': '1' });
    expect(await later('a', 0, 11n)).toBe(true);
    expect(accepted).toEqual({ 'a/0': '9', 'b/0': '1' });
  });

  test('a new membership begins without what is left, and says that its records come again', async () => {
    const { later, drop, requests, lines } = failing();
    await later('a', 0, 7n);
    await vi.advanceTimersByTimeAsync(251);
    drop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(requests).toHaveLength(1);
    expect(lines.at(-1)).toMatchObject({
      level: 'info',
      msg: expect.stringContaining('their records come again'),
    });
    expect(await later('a', 0, 7n)).toBe(true);
  });

  test('a flush ends all the same', async () => {
    const { later, flush } = failing();
    await later('a', 0, 7n);
    expect(await settled(flush())).toMatchObject({ status: 'fulfilled' });
  });

  test('an answer that comes after the group was joined again says nothing about what was handled since', async () => {
    const { promise: answered, reject } = Promise.withResolvers<void>();
    const { later, drop, requests, errors, accepted } = group(() =>
      requests.length === 1 ? answered : undefined,
    );
    await later('a', 0, 7n);
    await vi.advanceTimersByTimeAsync(251);
    drop();
    await later('a', 0, 3n);
    reject(new Refused('ILLEGAL_GENERATION'));
    await vi.advanceTimersByTimeAsync(251);
    expect(errors).toEqual([]);
    expect(requests).toEqual([{ 'a/0': '7' }, { 'a/0': '3' }]);
    expect(accepted).toEqual({ 'a/0': '3' });
  });
});

test('offsets that come in one tick are committed in one request', async () => {
  const { requests, now } = group();
  const all = Promise.all([now('a', 0, 7n), now('b', 0, 1n), now('a', 1, 3n)]);
  expect(await settled(all)).toMatchObject({ value: [true, true, true] });
  expect(requests).toEqual([{ 'a/0': '7', 'b/0': '1', 'a/1': '3' }]);
});

test('a partition that is refused fails alone, its neighbours are committed', async () => {
  const { requests, now } = group((offsets) => {
    if ('gone/0' in offsets) throw new Refused('UNKNOWN_TOPIC_OR_PARTITION');
  });
  const all = Promise.allSettled([now('a', 0, 7n), now('gone', 0, 1n), now('a', 1, 3n)]);
  expect(await settled(all)).toMatchObject({
    value: [{ value: true }, { reason: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } }, { value: true }],
  });
  expect(requests.slice(1)).toEqual([{ 'a/0': '7' }, { 'gone/0': '1' }, { 'a/1': '3' }]);
});

test('what is dropped before its request is not committed', async () => {
  const { requests, now, drop } = group();
  const one = now('a', 0, 7n);
  drop();
  expect(await settled(one)).toMatchObject({ value: false });
  expect(requests).toEqual([]);
});

describe.each(['ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'])('after %s', (type) => {
  const refusing = () =>
    group(() => {
      throw new Refused(type);
    });

  test('no partition of the request is ours, and none is asked for again', async () => {
    const { requests, errors, now, later, lines } = refusing();
    await later('b', 0, 1n);
    expect(await settled(Promise.all([now('a', 0, 7n), now('a', 1, 3n)]))).toMatchObject({
      value: [false, false],
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(requests).toHaveLength(1);
    expect(errors).toEqual([new Refused(type)]);
    expect(lines).toEqual([]);
  });

  test('a partition that came alone is not ours either', async () => {
    expect(await settled(refusing().now('a', 0, 7n))).toMatchObject({ value: false });
  });
});
