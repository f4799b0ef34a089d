import { expect, test } from 'vitest';
import { type BatchHandler, handleBatch } from '../src/consumer/batch.ts';
import { type ReceivedRecord, receivedRecord } from '../src/received-record.ts';

class Outage extends Error {}

const records = (count: number): ReceivedRecord[] =>
  [...Array(count).keys()].map((n) =>
    receivedRecord('inbox', 0, {
      key: null,
      value: Buffer.from(`${n}`),
      timestamp: '0',
      attributes: 0,
      offset: `${n}`,
      headers: {},
    }),
  );

const controller = new AbortController();
const current = { signal: controller.signal, isCurrent: () => true };
const run = (count: number, handle: BatchHandler, context = current) =>
  handleBatch(records(count), { handle, isOutage: (error) => error instanceof Outage, context });

const failingOn = (bad: number[]) => async (part: ReceivedRecord[]) => {
  for (const record of part) if (bad.includes(Number(record.offset))) throw new Error(`bad ${record.offset}`);
};
const offsets = (deadLetters: readonly { record: ReceivedRecord }[]) =>
  deadLetters.map(({ record }) => Number(record.offset));

test('a handler that reports nothing has handled everything', async () => {
  expect(await run(3, async () => {})).toEqual({ done: 3, deadLetters: [], storesHealthy: true });
});

test('every record that fails among others is found, in order, with its own error', async () => {
  // Probes pick at random: bad ones are few enough that one of five others is always good.
  const outcome = await run(100, failingOn([0, 41, 42, 99]));
  expect(outcome.done).toBe(100);
  expect(offsets(outcome.deadLetters)).toEqual([0, 41, 42, 99]);
  expect(outcome.deadLetters[1]).toMatchObject({ reason: 'PROCESSING_FAILED', detail: 'bad 41' });
});

test('one bad of two is found', async () => {
  expect(offsets((await run(2, failingOn([1]))).deadLetters)).toEqual([1]);
  expect(offsets((await run(2, failingOn([0]))).deadLetters)).toEqual([0]);
});

test('when nothing succeeds after a few probes the batch fails as a whole', async () => {
  let calls = 0;
  const outcome = await run(500, async () => {
    calls += 1;
    throw new Error('a bug');
  });
  expect(outcome).toMatchObject({ done: 0, deadLetters: [], stop: { cause: 'a bug', failing: true } });
  expect(calls).toBe(6);
});

test('records that the handler dead-letters are no proof that others are at fault', async () => {
  const outcome = await run(6, async (part) => {
    const unreadable = part.filter((record) => Number(record.offset) >= 4);
    if (unreadable.length < part.length)
      throw new Error('the table is gone, which is not known as an outage');
    return { deadLetters: unreadable.map((record) => ({ record, reason: 'UNREADABLE', detail: '' })) };
  });
  expect(outcome).toMatchObject({ done: 0, deadLetters: [], stop: { failing: true } });
});

test('records that the handler skips are no proof that others are at fault', async () => {
  const outcome = await run(6, async (part) => {
    if (part.some((record) => Number(record.offset) < 4)) throw new Error('the table is gone');
    return { idle: true };
  });
  expect(outcome).toMatchObject({ done: 0, deadLetters: [], stop: { failing: true } });
});

test('a batch proves that the stores are well when one of its records needed them', async () => {
  const storesHealthy = async (handle: BatchHandler) => (await run(4, handle)).storesHealthy;
  const letters = (part: ReceivedRecord[]) => part.map((record) => ({ record, reason: 'TEST', detail: '' }));
  expect(await storesHealthy(async () => {})).toBe(true);
  expect(await storesHealthy(async (part) => ({ deadLetters: letters(part.slice(1)) }))).toBe(true);
  expect(await storesHealthy(failingOn([2]))).toBe(true);

  expect(await storesHealthy(async (part) => ({ deadLetters: letters(part) }))).toBe(false);
  expect(await storesHealthy(async () => ({ idle: true }))).toBe(false);
  expect(await storesHealthy(async ([first]) => (first ? { retryFrom: first } : {}))).toBe(false);
  expect(await storesHealthy(failingOn([0, 1, 2, 3]))).toBe(false);
  expect(await storesHealthy(async () => Promise.reject(new Outage('down')))).toBe(false);
});

test('an outage stops at the first record, also in the middle of a search', async () => {
  expect(await run(4, async () => Promise.reject(new Outage('down')))).toMatchObject({
    done: 0,
    deadLetters: [],
    stop: { cause: 'down' },
  });
  let calls = 0;
  const outcome = await run(8, async (part) => {
    calls += 1;
    if (calls > 6) throw new Outage('down');
    await failingOn([5])(part);
  });
  expect(outcome).toMatchObject({ done: 0, deadLetters: [], stop: { cause: 'down' } });
  expect(outcome.stop?.failing).toBeUndefined();
});

test('a failure that is over when the record is tried again dead-letters nothing', async () => {
  let halved = false;
  let resumed = false;
  const outcome = await run(8, async (part) => {
    halved ||= part.length === 4;
    if (resumed || !part.some((record) => record.offset === 3n)) return;
    resumed = halved && part.length === 1;
    throw new Error('passing');
  });
  expect(outcome).toEqual({ done: 8, deadLetters: [], storesHealthy: true });
});

test('when a store fails during the search no record is dead-lettered', async () => {
  let succeeded = false;
  const outcome = await run(8, async (part) => {
    if (part.length > 1 || succeeded) throw new Error('broken');
    succeeded = true;
  });
  expect(outcome).toMatchObject({ done: 0, deadLetters: [], stop: { cause: 'broken' } });
});

test('retryFrom ends the batch there, also when it is found during a search', async () => {
  const handle: BatchHandler = async (part) => {
    await failingOn([1])(part);
    const retryFrom = part.find((record) => record.offset >= 6n);
    const deadLetters = part
      .map((record) => ({ record, reason: 'TEST', detail: '' }))
      .filter((one) => one.record.offset > 5n);
    return retryFrom === undefined ? {} : { retryFrom, retryCause: 'not yet', deadLetters };
  };
  const outcome = await run(100, async (part, context) => {
    // The probes would else find records behind the stop only.
    if (part.length === 1) return failingOn([1])(part);
    return handle(part, context);
  });
  expect(outcome).toMatchObject({ done: 6, stop: { cause: 'not yet' } });
  expect(offsets(outcome.deadLetters)).toEqual([1]);
});

test('retryFrom outside the batch is a bug of the handler, not a reason to skip records', async () => {
  const [, , retryFrom] = records(3);
  const outcome = await run(2, async () => (retryFrom === undefined ? {} : { retryFrom }));
  expect(outcome).toMatchObject({ done: 0, deadLetters: [], stop: { cause: /offset 2.*not in the batch/ } });
});

test('once the partition is lost nothing more is handled, and errors do not count', async () => {
  const lost = new AbortController();
  let calls = 0;
  const context = { signal: lost.signal, isCurrent: () => !lost.signal.aborted };
  const outcome = await run(
    8,
    async () => {
      calls += 1;
      lost.abort();
      throw new Error('aborted');
    },
    context,
  );
  expect(outcome).toMatchObject({ done: 0, deadLetters: [] });
  expect(outcome.stop?.failing).toBeUndefined();
  expect(calls).toBe(1);
});
