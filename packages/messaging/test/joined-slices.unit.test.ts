import { afterEach, expect, test, vi } from 'vitest';
import { joinedSlices } from '../src/joined-slices.ts';
import { type ReceivedRecord, receivedRecord } from '../src/received-record.ts';
import { handleSlice, type SliceHandler, type SliceResult } from '../src/slice.ts';

class Outage extends Error {}
const isOutage = (error: unknown) => error instanceof Outage;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Some records of a partition; a value is the partition's topic and number, and the offset: `a0/7`. */
function records(topic: string, partition: number, count: number): ReceivedRecord[] {
  return [...Array(count).keys()].map((offset) =>
    receivedRecord(topic, partition, {
      key: null,
      value: Buffer.from(`${topic}${partition}/${offset}`),
      timestamp: '0',
      attributes: 0,
      offset: `${offset}`,
      headers: {},
    }),
  );
}
const [a0, a1, b0] = [records('a', 0, 2), records('a', 1, 1), records('b', 0, 2)];

const name = (record: ReceivedRecord) => String(record.value);
const names = (part: readonly ReceivedRecord[]) => part.map(name).join(' ');
const asides = (part: readonly ReceivedRecord[]) =>
  part.map((record) => ({ record, reason: 'TEST', detail: '' }));

function tenure() {
  const controller = new AbortController();
  return { lose: () => controller.abort(), signal: controller.signal, isCurrent: () => true };
}

/** A handler, and what its calls were given. `handle` says what it does with them. */
function joining(handle: SliceHandler = async () => {}, sliceSize = 100) {
  const calls: string[] = [];
  const recorded: SliceHandler = (part, context) => {
    calls.push(names(part));
    return handle(part, context);
  };
  const joined = joinedSlices(recorded, { isOutage, sliceSize });
  const context = tenure();
  /** Asks for all of them in the same tick. */
  const all = (...slices: ReceivedRecord[][]) =>
    Promise.allSettled(slices.map((slice) => joined(slice, context)));
  return { calls, recorded, joined, all, context };
}

const handled = (value: SliceResult) => ({ status: 'fulfilled', value });
const nothingAside = handled({ setAside: [] });
const failed = (message: string) => ({ status: 'rejected', reason: expect.objectContaining({ message }) });

test('small slices that come in one tick are handled in one call, each in its order', async () => {
  const { calls, all } = joining();
  expect(await all(a0, a1, b0)).toEqual([nothingAside, nothingAside, nothingAside]);
  expect(calls).toEqual(['a0/0 a0/1 a1/0 b0/0 b0/1']);
});

test('a slice that comes alone is handled with what it brought, and answered with what the handler said', async () => {
  const result = { setAside: asides(a0), stopCause: 'kept' };
  const { calls, all } = joining(async () => result);
  expect(await all(a0)).toEqual([handled(result)]);
  expect(calls).toEqual(['a0/0 a0/1']);
});

test('a slice that comes alone and fails is tried once', async () => {
  const { calls, all } = joining(async () => {
    throw new Error('bad');
  });
  expect(await all(a0)).toEqual([failed('bad')]);
  expect(calls).toHaveLength(1);
});

test('no more than ten slices are joined', async () => {
  const { calls, all } = joining();
  await all(...[...Array(11).keys()].map((partition) => records('a', partition, 1)));
  expect(calls.map((call) => call.split(' ').length)).toEqual([10, 1]);
});

test('after a failure each is handled alone, and only the failing one fails', async () => {
  const { calls, all } = joining(async (part) => {
    if (part.some((record) => record.partition === 1)) throw new Error('a1 breaks it');
    return {};
  });
  expect(await all(a0, a1, b0)).toEqual([handled({}), failed('a1 breaks it'), handled({})]);
  expect(calls).toEqual([names([...a0, ...a1, ...b0]), names(a0), names(a1), names(b0)]);
});

test('an outage fails all after one attempt', async () => {
  const { calls, all } = joining(async () => {
    throw new Outage('the database is away');
  });
  const outage = failed('the database is away');
  expect(await all(a0, a1, b0)).toEqual([outage, outage, outage]);
  expect(calls).toHaveLength(1);
});

test('when one must stop each is handled alone, and only that one stops', async () => {
  const [, stopBefore] = a0;
  if (stopBefore === undefined) throw new Error('there are two');
  const { calls, all } = joining(async (part) => (part.includes(stopBefore) ? { stopBefore } : {}));
  expect(await all(a0, a1, b0)).toEqual([handled({ stopBefore }), handled({}), handled({})]);
  expect(calls).toEqual([names([...a0, ...a1, ...b0]), names(a0), names(a1), names(b0)]);
});

test.each([new Error('bad'), new Outage('away')])(
  'when one fails alone ($message) a neighbour that is still running goes on, and is not handled again',
  async (error) => {
    const { promise: release, resolve: leave } = Promise.withResolvers<void>();
    const { calls, joined, context } = joining(async (part): Promise<SliceResult> => {
      const [stopBefore] = part;
      if (stopBefore !== undefined && part.length > 2) return { stopBefore };
      if (part === a1) throw error;
      await release;
      return {};
    });
    const neighbour = joined(a0, context);
    await expect(joined(a1, context)).rejects.toBe(error);
    leave();
    expect(await neighbour).toEqual({});
    expect(calls).toEqual([names([...a0, ...a1]), names(a0), names(a1)]);
  },
);

test('what is set aside goes to the slice it came in, in the order of the handler', async () => {
  const [, second] = a0;
  const { all } = joining(async (part) => ({
    // The handler may describe a record by an object of its own.
    setAside: asides(
      part.filter((record) => record === second || record.topic === 'b').map((r) => ({ ...r })),
    ),
  }));
  expect(await all(a0, a1, b0)).toEqual([
    handled({ setAside: asides(a0.slice(1)) }),
    nothingAside,
    handled({ setAside: asides(b0) }),
  ]);
});

test('when no record of all needed a store, no slice is told that one did', async () => {
  const { all } = joining(async () => ({ idle: true }));
  const idle = handled({ setAside: [], idle: true });
  expect(await all(a0, b0)).toEqual([idle, idle]);
});

test('a slice of more than a tenth of the largest is handled alone, beside the others', async () => {
  const large = records('c', 0, 11);
  const { calls, all } = joining();
  await all(a0, large, b0);
  expect(new Set(calls)).toEqual(new Set([names(large), names([...a0, ...b0])]));
});

test('where a slice is one record none are joined', async () => {
  const { calls, all } = joining(async () => {}, 1);
  await all(a1, records('b', 1, 1));
  expect(calls).toEqual(['a1/0', 'b1/0']);
});

test('slices of different tenures are never joined', async () => {
  const { calls, joined } = joining();
  const [old, current] = [tenure(), tenure()];
  await Promise.all([joined(a0, old), joined(a1, current), joined(b0, old)]);
  expect(calls).toEqual([names(a0), names(a1), names(b0)]);
});

test('once the partitions are lost nothing is handled any more', async () => {
  const { calls, all, context } = joining();
  const outcome = all(a0, a1);
  context.lose();
  expect(await outcome).toEqual([failed('This operation was aborted'), failed('This operation was aborted')]);
  expect(calls).toEqual([]);
});

test('when they are lost in the middle of a joint call that fails, no slice is begun alone', async () => {
  const { calls, all, context } = joining(async () => {
    context.lose();
    throw new Error('a query was cut off');
  });
  expect(await all(a0, a1)).toEqual([
    failed('This operation was aborted'),
    failed('This operation was aborted'),
  ]);
  expect(calls).toHaveLength(1);
});

test('a neighbour that succeeds is no witness against records that are searched', async () => {
  // Probes in order, so that the record that is passed over and the good one are tried in the same tick.
  vi.spyOn(Math, 'random').mockReturnValue(0);
  const isBad = (record: ReceivedRecord | undefined) => record?.offset === 1n;
  const { recorded, joined, context } = joining(async (part) => {
    if (part.some(isBad)) throw new Error('broken');
    return { idle: part.every(({ topic }) => topic === 'a') };
  });
  const [suspected, neighbour] = await Promise.all(
    [a0, b0].map((slice) => handleSlice(slice, { handle: recorded, handleWhole: joined, isOutage, context })),
  );
  expect(suspected).toMatchObject({ done: 0, setAside: [], proven: false, stop: { failing: true } });
  expect(neighbour).toMatchObject({ done: 2, setAside: [{ record: b0[1] }], proven: true });
});
