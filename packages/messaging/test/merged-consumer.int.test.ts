import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { committed, readTopic, running, text } from './kit.ts';
import { dlq, reader, sendTo, withDeadLetters } from './reader.ts';

test('records of several partitions that are there already arrive in one call, and all are committed', async () => {
  const kafka = await withDeadLetters(3);
  await sendTo(kafka, { 0: ['a', 'b'], 1: ['c'], 2: ['d', 'e', 'f'] });
  const calls: string[][] = [];
  const { component, metrics } = reader(kafka, async (records) => void calls.push(records.map(text)));
  await using _ = await running(component);

  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([2, 1, 3]));
  expect(calls).toHaveLength(1);
  expect(calls[0]?.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  // Whichever partition comes first, its own records are in order.
  expect(calls[0]?.join('')).toMatch(/ab/);
  expect(calls[0]?.join('')).toMatch(/def/);
  expect(await metrics.value('orderflow_records_consumed_total')).toBe(6);
  expect(await metrics.value('orderflow_consumer_lag')).toBe(0);
});

test('a record that breaks a merged call is dead-lettered as if it had come alone, and stops no neighbour', async () => {
  const kafka = await withDeadLetters(3);
  await sendTo(kafka, { 0: ['good', 'poison'], 1: ['one'], 2: ['two'] });
  const calls: string[][] = [];
  const { component, lines } = reader(kafka, async (records) => {
    calls.push(records.map(text));
    if (records.some((record) => text(record) === 'poison')) throw new Error('poison breaks it');
  });
  await using _ = await running(component);

  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([2, 1, 1]));
  expect(await readTopic(kafka, dlq)).toMatchObject([
    { value: Buffer.from('poison'), headers: { dlq_reason: 'PROCESSING_FAILED', dlq_partition: '0' } },
  ]);
  expect(calls[0]).toHaveLength(4);
  const ofNeighbours = calls.slice(1).filter((call) => call.includes('one') || call.includes('two'));
  expect(ofNeighbours.toSorted()).toEqual([['one'], ['two']]);
  // No partition was paused for it.
  expect(lines().filter(({ level }) => level === 'warn')).toMatchObject([
    {
      topic: 'inbox',
      partition: 0,
      offset: '1',
      msg: 'record dead-lettered: PROCESSING_FAILED',
    },
  ]);
});

test('a stop finishes and commits all of a merged call that is running, so that nothing comes twice', async () => {
  const kafka = await withDeadLetters(3);
  await sendTo(kafka, { 0: ['a'], 1: ['b'], 2: ['c'] });
  const seen: string[] = [];
  const { promise: inCall, resolve: enter } = Promise.withResolvers<number>();
  const { promise: release, resolve: leave } = Promise.withResolvers<void>();
  const first = await running(
    reader(kafka, async (records) => {
      enter(records.length);
      await release;
      seen.push(...records.map(text));
    }).component,
  );
  expect(await inCall).toBe(3);
  const stopped = first.stop();
  leave();
  await stopped;
  expect(await committed(kafka, 'readers', 'inbox')).toEqual([1, 1, 1]);

  await sendTo(kafka, { 0: ['d'], 1: ['e'], 2: ['f'] });
  await using _ = await running(
    reader(kafka, async (records) => void seen.push(...records.map(text))).component,
  );
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([2, 2, 2]));
  expect(seen.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
});
