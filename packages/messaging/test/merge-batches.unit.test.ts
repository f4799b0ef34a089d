import { afterEach, expect, test, vi } from 'vitest';
import { type BatchHandler, type BatchResult, handleBatch } from '../src/consumer/batch.ts';
import { mergeBatches } from '../src/consumer/merge-batches.ts';
import { type ReceivedRecord, receivedRecord } from '../src/received-record.ts';

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
const letters = (part: readonly ReceivedRecord[]) =>
  part.map((record) => ({ record, reason: 'TEST', detail: '' }));

function assignment() {
  const controller = new AbortController();
  return { lose: () => controller.abort(), signal: controller.signal, isCurrent: () => true };
}

/** A handler, and the records of its calls. `handle` implements it. */
function joining(handle: BatchHandler = async () => {}, batchSize = 100) {
  const calls: string[] = [];
  const recorded: BatchHandler = (part, context) => {
    calls.push(names(part));
    return handle(part, context);
  };
  const handleMerged = mergeBatches(recorded, { isOutage, batchSize });
  const context = assignment();
  /** Calls it for all of them in the same tick. */
  const all = (...batches: ReceivedRecord[][]) =>
    Promise.allSettled(batches.map((batch) => handleMerged(batch, context)));
  return { calls, recorded, handleMerged, all, context };
}

const handled = (value: BatchResult) => ({ status: 'fulfilled', value });
const noDeadLetters = handled({ deadLetters: [] });
const failed = (message: string) => ({ status: 'rejected', reason: expect.objectContaining({ message }) });

test('small batches that come in one tick are handled in one call, each in its order', async () => {
  const { calls, all } = joining();
  expect(await all(a0, a1, b0)).toEqual([noDeadLetters, noDeadLetters, noDeadLetters]);
  expect(calls).toEqual(['a0/0 a0/1 a1/0 b0/0 b0/1']);
});

test('a record of another partition is dead-lettered with the batch whose record detected it', async () => {
  const [earlier] = records('c', 5, 1);
  const [, detectedBy] = b0;
  if (earlier === undefined || detectedBy === undefined) throw new Error('there are such records');
  const letter = { record: earlier, detectedBy, reason: 'TEST', detail: '' };
  const { all } = joining(async () => ({ deadLetters: [letter] }));
  expect(await all(a0, b0)).toEqual([noDeadLetters, handled({ deadLetters: [letter] })]);
});

test('a single batch is handled as it came, and gets the result of the handler', async () => {
  const result = { deadLetters: letters(a0), retryCause: 'kept' };
  const { calls, all } = joining(async () => result);
  expect(await all(a0)).toEqual([handled(result)]);
  expect(calls).toEqual(['a0/0 a0/1']);
});

test('a single batch that fails is tried once', async () => {
  const { calls, all } = joining(async () => {
    throw new Error('bad');
  });
  expect(await all(a0)).toEqual([failed('bad')]);
  expect(calls).toHaveLength(1);
});

test('no more than ten batches are merged', async () => {
  const { calls, all } = joining();
  await all(...[...Array(11).keys()].map((partition) => records('a', partition, 1)));
  expect(calls.map((call) => call.split(' ').length)).toEqual([10, 1]);
});

test('after a failure each is handled individually, and only the failing one fails', async () => {
  const { calls, all } = joining(async (part) => {
    if (part.some((record) => record.partition === 1)) throw new Error('a1 breaks it');
    return {};
  });
  expect(await all(a0, a1, b0)).toEqual([handled({}), failed('a1 breaks it'), handled({})]);
  expect(calls).toEqual([names([...a0, ...a1, ...b0]), names(a0), names(a1), names(b0)]);
});

test('an outage fails all after one attempt', async () => {
  const { calls, all } = joining(async () => {
    throw new Outage('the database is unavailable');
  });
  const outage = failed('the database is unavailable');
  expect(await all(a0, a1, b0)).toEqual([outage, outage, outage]);
  expect(calls).toHaveLength(1);
});

test('when one must stop each is handled individually, and only that one stops', async () => {
  const [, retryFrom] = a0;
  if (retryFrom === undefined) throw new Error('there are two');
  const { calls, all } = joining(async (part) => (part.includes(retryFrom) ? { retryFrom } : {}));
  expect(await all(a0, a1, b0)).toEqual([handled({ retryFrom }), handled({}), handled({})]);
  expect(calls).toEqual([names([...a0, ...a1, ...b0]), names(a0), names(a1), names(b0)]);
});

test.each([new Error('bad'), new Outage('unavailable')])(
  'when one fails alone ($message) a neighbour that is still running continues, and is not handled again',
  async (error) => {
    const { promise: release, resolve: leave } = Promise.withResolvers<void>();
    const { calls, handleMerged, context } = joining(async (part): Promise<BatchResult> => {
      const [retryFrom] = part;
      if (retryFrom !== undefined && part.length > 2) return { retryFrom };
      if (part === a1) throw error;
      await release;
      return {};
    });
    const neighbour = handleMerged(a0, context);
    await expect(handleMerged(a1, context)).rejects.toBe(error);
    leave();
    expect(await neighbour).toEqual({});
    expect(calls).toEqual([names([...a0, ...a1]), names(a0), names(a1)]);
  },
);

test('what is dead-lettered goes to the batch it came in, in the order of the handler', async () => {
  const [, second] = a0;
  const { all } = joining(async (part) => ({
    // The handler may describe a record by another object.
    deadLetters: letters(
      part.filter((record) => record === second || record.topic === 'b').map((r) => ({ ...r })),
    ),
  }));
  expect(await all(a0, a1, b0)).toEqual([
    handled({ deadLetters: letters(a0.slice(1)) }),
    noDeadLetters,
    handled({ deadLetters: letters(b0) }),
  ]);
});

test('when no record needed a store, no batch reports that one did', async () => {
  const { all } = joining(async () => ({ idle: true }));
  const idle = handled({ deadLetters: [], idle: true });
  expect(await all(a0, b0)).toEqual([idle, idle]);
});

test('a batch of more than a tenth of the largest is handled individually, beside the others', async () => {
  const large = records('c', 0, 11);
  const { calls, all } = joining();
  await all(a0, large, b0);
  expect(new Set(calls)).toEqual(new Set([names(large), names([...a0, ...b0])]));
});

test('where a batch is one record none are merged', async () => {
  const { calls, all } = joining(async () => {}, 1);
  await all(a1, records('b', 1, 1));
  expect(calls).toEqual(['a1/0', 'b1/0']);
});

test('batches of different assignments are never merged', async () => {
  const { calls, handleMerged } = joining();
  const [old, current] = [assignment(), assignment()];
  await Promise.all([handleMerged(a0, old), handleMerged(a1, current), handleMerged(b0, old)]);
  expect(calls).toEqual([names(a0), names(a1), names(b0)]);
});

test('once the partitions are lost nothing is handled any more', async () => {
  const { calls, all, context } = joining();
  const outcome = all(a0, a1);
  context.lose();
  expect(await outcome).toEqual([failed('This operation was aborted'), failed('This operation was aborted')]);
  expect(calls).toEqual([]);
});

test('when they are lost in the middle of a merged call that fails, no batch is begun alone', async () => {
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

test('a neighbour that succeeds proves nothing about records that are searched', async () => {
  // Probes in order, so that the record that is passed over and the good one are tried in the same tick.
  vi.spyOn(Math, 'random').mockReturnValue(0);
  const isBad = (record: ReceivedRecord | undefined) => record?.offset === 1n;
  const { recorded, handleMerged, context } = joining(async (part) => {
    if (part.some(isBad)) throw new Error('broken');
    return { idle: part.every(({ topic }) => topic === 'a') };
  });
  const [suspected, neighbour] = await Promise.all(
    [a0, b0].map((batch) => handleBatch(batch, { handle: recorded, handleMerged, isOutage, context })),
  );
  expect(suspected).toMatchObject({
    done: 0,
    deadLetters: [],
    storesHealthy: false,
    stop: { failing: true },
  });
  expect(neighbour).toMatchObject({ done: 2, deadLetters: [{ record: b0[1] }], storesHealthy: true });
});
