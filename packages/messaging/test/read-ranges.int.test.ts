import { describe, expect, test } from 'vitest';
import { GroupBusyError, type OffsetRange, openTopicOffsets, readRanges } from '../src/index.ts';
import { produce, testKafka, text } from './kit.ts';

const inbox = { name: 'inbox', partitions: 1, retention: 'unlimited' } as const;
const all: OffsetRange = { partition: 0, from: 0n, to: 5n };

async function inboxOf(...values: string[]) {
  const kafka = await testKafka([inbox]);
  await produce(kafka, 'inbox', values);
  return kafka;
}

describe('reading ranges', () => {
  test('reads exactly the range and ends', async () => {
    const kafka = await inboxOf('a', 'b', 'c', 'd', 'e');
    const read: string[] = [];
    await readRanges({
      kafka,
      topic: 'inbox',
      ranges: [{ partition: 0, from: 1n, to: 4n }],
      handle: (records) => void read.push(...records.map(text)),
    });
    expect(read).toEqual(['b', 'c', 'd']);
  });

  test('ends at once when there is nothing to read', async () => {
    const kafka = await inboxOf('a');
    const ranges = [{ partition: 0, from: 1n, to: 1n }];
    await readRanges({ kafka, topic: 'inbox', ranges, handle: () => expect.unreachable() });
  });

  test('ends behind the marks that transactions leave', async () => {
    const kafka = await testKafka([inbox]);
    const producer = kafka
      .client()
      .producer({ transactionalId: kafka.physicalName('tx'), maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: kafka.physicalName('inbox'), messages: [{ value: 'a' }] });
    await transaction.commit();
    await producer.disconnect();
    const read: string[] = [];
    const handle: Parameters<typeof readRanges>[0]['handle'] = (records) =>
      void read.push(...records.map(text));
    await readRanges({ kafka, topic: 'inbox', ranges: [{ partition: 0, from: 0n, to: 2n }], handle });
    await readRanges({ kafka, topic: 'inbox', ranges: [{ partition: 0, from: 1n, to: 2n }], handle });
    expect(read).toEqual(['a']);
  });

  test('throws what the handler throws, and does not call it again', async () => {
    const kafka = await inboxOf('a', 'b', 'c', 'd', 'e');
    let calls = 0;
    const handle = () => {
      calls += 1;
      throw new Error('no');
    };
    await expect(readRanges({ kafka, topic: 'inbox', ranges: [all], handle })).rejects.toThrow('no');
    expect(calls).toBe(1);
  });

  test('ends with the reason of the signal', async () => {
    const kafka = await inboxOf('a', 'b', 'c', 'd', 'e');
    const abort = new AbortController();
    const handle = () => abort.abort(new Error('enough'));
    const reading = readRanges({ kafka, topic: 'inbox', ranges: [all], handle, signal: abort.signal });
    await expect(reading).rejects.toThrow('enough');
  });

  test('commits for its group only what it is asked to', async () => {
    const kafka = await inboxOf('a', 'b', 'c', 'd', 'e');
    await using offsets = await openTopicOffsets(kafka);
    const read = (handle: Parameters<typeof readRanges>[0]['handle']) =>
      readRanges({ kafka, topic: 'inbox', ranges: [all], group: 'reader', sessionTimeoutMs: 1_000, handle });
    await read(() => {});
    expect(await offsets.committed('reader', 'inbox')).toEqual(new Map());
    await read((_, { commit }) => commit(3n));
    expect(await offsets.committed('reader', 'inbox')).toEqual(new Map([[0, 3n]]));
  });

  test('is the only member of its group: a second one is notified, waits, and gives up', async () => {
    const kafka = await inboxOf('a', 'b', 'c', 'd', 'e');
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const options = { kafka, topic: 'inbox', ranges: [all], group: 'reader', sessionTimeoutMs: 1_000 };
    const first = readRanges({
      ...options,
      handle() {
        started.resolve();
        return release.promise;
      },
    });
    await started.promise;
    let notified = 0;
    const second = readRanges({
      ...options,
      handle: () => expect.unreachable(),
      onGroupBusy() {
        notified += 1;
      },
    });
    await expect(second).rejects.toThrow(GroupBusyError);
    expect(notified).toBe(1);
    release.resolve();
    await first;
  });

  test('stops when a member that did not wait joins its group', async () => {
    const kafka = await inboxOf('a', 'b', 'c', 'd', 'e');
    const started = Promise.withResolvers<void>();
    const reading = readRanges({
      kafka,
      topic: 'inbox',
      ranges: [all],
      group: 'reader',
      sessionTimeoutMs: 1_000,
      async handle(_, { signal }) {
        started.resolve();
        await new Promise((aborted) => signal.addEventListener('abort', aborted));
      },
    });
    const failure = expect(reading).rejects.toThrow(GroupBusyError);
    await started.promise;
    const intruder = kafka.client().consumer({ groupId: kafka.physicalName('reader') });
    await intruder.connect();
    await intruder.subscribe({ topics: [kafka.physicalName('inbox')] });
    await Promise.all([failure, intruder.run({ eachMessage: async () => {} })]);
    await intruder.disconnect();
  });
});

describe('topic offsets', () => {
  test('say what a topic holds, also since a time', async () => {
    const kafka = await inboxOf('a', 'b');
    await using offsets = await openTopicOffsets(kafka);
    expect(await offsets.ranges('inbox')).toEqual([{ partition: 0, from: 0n, to: 2n }]);
    const later = new Date(Date.now() + 60_000);
    expect(await offsets.ranges('inbox', { since: later })).toEqual([{ partition: 0, from: 2n, to: 2n }]);
    expect(await offsets.ranges('inbox', { since: new Date(0) })).toEqual([
      { partition: 0, from: 0n, to: 2n },
    ]);
    expect(await offsets.ranges('nowhere')).toBeUndefined();
    expect(await offsets.topics()).toEqual(['inbox']);
  });
});
