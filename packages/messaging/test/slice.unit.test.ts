import { expect, test } from 'vitest';
import { type ReceivedRecord, receivedRecord } from '../src/received-record.ts';
import { handleSlice, type SliceHandler } from '../src/slice.ts';

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
const slice = (count: number, handle: SliceHandler, context = current) =>
  handleSlice(records(count), { handle, isOutage: (error) => error instanceof Outage, context });

const failingOn = (bad: number[]) => async (part: ReceivedRecord[]) => {
  for (const record of part) if (bad.includes(Number(record.offset))) throw new Error(`bad ${record.offset}`);
};
const offsets = (setAside: readonly { record: ReceivedRecord }[]) =>
  setAside.map(({ record }) => Number(record.offset));

test('a handler that reports nothing has handled everything', async () => {
  expect(await slice(3, async () => {})).toEqual({ done: 3, setAside: [], proven: true });
});

test('every record that fails among others is found, in order, with its own error', async () => {
  // Probes pick at random: bad ones are few enough that one of five others is always good.
  const outcome = await slice(100, failingOn([0, 41, 42, 99]));
  expect(outcome.done).toBe(100);
  expect(offsets(outcome.setAside)).toEqual([0, 41, 42, 99]);
  expect(outcome.setAside[1]).toMatchObject({ reason: 'PROCESSING_FAILED', detail: 'bad 41' });
});

test('one bad of two is found', async () => {
  expect(offsets((await slice(2, failingOn([1]))).setAside)).toEqual([1]);
  expect(offsets((await slice(2, failingOn([0]))).setAside)).toEqual([0]);
});

test('when nothing succeeds after a few probes the slice fails as a whole', async () => {
  let calls = 0;
  const outcome = await slice(500, async () => {
    calls += 1;
    throw new Error('a bug');
  });
  expect(outcome).toMatchObject({ done: 0, setAside: [], stop: { cause: 'a bug', failing: true } });
  expect(calls).toBe(6);
});

test('records that the handler sets aside are no proof that others are at fault', async () => {
  const outcome = await slice(6, async (part) => {
    const unreadable = part.filter((record) => Number(record.offset) >= 4);
    if (unreadable.length < part.length)
      throw new Error('the table is gone, and nobody calls that an outage');
    return { setAside: unreadable.map((record) => ({ record, reason: 'UNREADABLE', detail: '' })) };
  });
  expect(outcome).toMatchObject({ done: 0, setAside: [], stop: { failing: true } });
});

test('records that the handler passes over are no proof that others are at fault', async () => {
  const outcome = await slice(6, async (part) => {
    if (part.some((record) => Number(record.offset) < 4)) throw new Error('the table is gone');
    return { idle: true };
  });
  expect(outcome).toMatchObject({ done: 0, setAside: [], stop: { failing: true } });
});

test('a slice proves that the stores are well when one of its records needed them', async () => {
  const proven = async (handle: SliceHandler) => (await slice(4, handle)).proven;
  const asides = (part: ReceivedRecord[]) => part.map((record) => ({ record, reason: 'TEST', detail: '' }));
  expect(await proven(async () => {})).toBe(true);
  expect(await proven(async (part) => ({ setAside: asides(part.slice(1)) }))).toBe(true);
  expect(await proven(failingOn([2]))).toBe(true);

  expect(await proven(async (part) => ({ setAside: asides(part) }))).toBe(false);
  expect(await proven(async () => ({ idle: true }))).toBe(false);
  expect(await proven(async ([first]) => (first ? { stopBefore: first } : {}))).toBe(false);
  expect(await proven(failingOn([0, 1, 2, 3]))).toBe(false);
  expect(await proven(async () => Promise.reject(new Outage('down')))).toBe(false);
});

test('an outage stops at the first record, also in the middle of a search', async () => {
  expect(await slice(4, async () => Promise.reject(new Outage('down')))).toMatchObject({
    done: 0,
    setAside: [],
    stop: { cause: 'down' },
  });
  let calls = 0;
  const outcome = await slice(8, async (part) => {
    calls += 1;
    if (calls > 6) throw new Outage('down');
    await failingOn([5])(part);
  });
  expect(outcome).toMatchObject({ done: 0, setAside: [], stop: { cause: 'down' } });
  expect(outcome.stop?.failing).toBeUndefined();
});

test('a failure that is over when the record is tried again sets nothing aside', async () => {
  let halved = false;
  let over = false;
  const outcome = await slice(8, async (part) => {
    halved ||= part.length === 4;
    if (over || !part.some((record) => record.offset === 3n)) return;
    over = halved && part.length === 1;
    throw new Error('passing');
  });
  expect(outcome).toEqual({ done: 8, setAside: [], proven: true });
});

test('when the world breaks during the search no record is blamed', async () => {
  let succeeded = false;
  const outcome = await slice(8, async (part) => {
    if (part.length > 1 || succeeded) throw new Error('broken');
    succeeded = true;
  });
  expect(outcome).toMatchObject({ done: 0, setAside: [], stop: { cause: 'broken' } });
});

test('stopBefore ends the slice there, also when it is found during a search', async () => {
  const handle: SliceHandler = async (part) => {
    await failingOn([1])(part);
    const stopBefore = part.find((record) => record.offset >= 6n);
    const setAside = part
      .map((record) => ({ record, reason: 'TEST', detail: '' }))
      .filter((one) => one.record.offset > 5n);
    return stopBefore === undefined ? {} : { stopBefore, stopCause: 'not yet', setAside };
  };
  const outcome = await slice(100, async (part, context) => {
    // The probes would else find records behind the stop only.
    if (part.length === 1) return failingOn([1])(part);
    return handle(part, context);
  });
  expect(outcome).toMatchObject({ done: 6, stop: { cause: 'not yet' } });
  expect(offsets(outcome.setAside)).toEqual([1]);
});

test('stopBefore outside the slice is a bug of the handler, not a reason to skip records', async () => {
  const [, , stopBefore] = records(3);
  const outcome = await slice(2, async () => (stopBefore === undefined ? {} : { stopBefore }));
  expect(outcome).toMatchObject({ done: 0, setAside: [], stop: { cause: /offset 2.*not in the slice/ } });
});

test('once the partition is lost nothing more is handled, and what fails is no failure', async () => {
  const lost = new AbortController();
  let calls = 0;
  const context = { signal: lost.signal, isCurrent: () => !lost.signal.aborted };
  const outcome = await slice(
    8,
    async () => {
      calls += 1;
      lost.abort();
      throw new Error('aborted');
    },
    context,
  );
  expect(outcome).toMatchObject({ done: 0, setAside: [] });
  expect(outcome.stop?.failing).toBeUndefined();
  expect(calls).toBe(1);
});
