import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { committed, readTopic, running, text } from './kit.ts';
import { dlq, reader, sendTo, withDeadLetters } from './reader.ts';

// Side by side: they wait for ten seconds of tries.

test.concurrent('lone records that fail wherever they are wait, for as long as nothing else is handled', async () => {
  const kafka = await withDeadLetters(2);
  await sendTo(kafka, { 0: ['here'], 1: ['there'] });
  const tries = { here: [] as number[], there: [] as number[] };
  let broken = true;
  const { component, lines, metrics } = reader(kafka, async (records) => {
    // Both come in one call at first; what is blamed is a record that is tried alone.
    if (records.length === 1) tries[records.map(text).join() as keyof typeof tries].push(performance.now());
    if (broken) throw new Error('an outage that nobody thought of');
  });
  await using _ = await running(component);

  // One more than those after which a record would be blamed if others were handled.
  const isLongEnough = (times: number[]) =>
    times.length > 5 && (times.at(-2) ?? 0) - (times[0] ?? 0) >= 10_000;
  await eventually(() => isLongEnough(tries.here) && isLongEnough(tries.there), { timeoutMs: 40_000 });
  expect(await committed(kafka, 'readers', 'inbox')).toEqual([-1, -1]);
  expect(await metrics.value('orderflow_consumer_paused')).toBe(2);
  expect(await metrics.value('orderflow_consumer_lag')).toBe(2);
  expect(lines().filter(({ level }) => level === 'warn')).toMatchObject([
    { cause: 'an outage that nobody thought of' },
    { cause: 'an outage that nobody thought of' },
  ]);
  broken = false;
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([1, 1]));
  expect(await readTopic(kafka, dlq)).toEqual([]);
}, 60_000);

test.concurrent('a lone record that fails waits for the next on its partition, which shows that it is to blame', async () => {
  const kafka = await withDeadLetters();
  // As large as they come: both have to be there in one fetch.
  const poison = 'poison'.padEnd(1_000_000);
  const good = 'good'.padEnd(1_000_000);
  await sendTo(kafka, { 0: [poison] });
  const seen: string[] = [];
  const { component, metrics } = reader(kafka, async (records) => {
    if (records.some((record) => text(record) === poison)) throw new Error('always');
    seen.push(...records.map(text));
  });
  await using _ = await running(component);
  await eventually(async () => expect(await metrics.value('orderflow_consumer_paused')).toBe(1));

  await sendTo(kafka, { 0: [good] });
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([2]));
  expect(new Set(seen)).toEqual(new Set([good]));
  expect(await readTopic(kafka, dlq)).toMatchObject([{ value: Buffer.from(poison) }]);
  expect(await metrics.value('orderflow_consumer_paused')).toBe(0);
});

test.concurrent('a lone record that fails while other partitions go on is set aside after ten seconds of tries', async () => {
  const kafka = await withDeadLetters(2);
  await sendTo(kafka, { 0: ['lonely'] });
  const tries: number[] = [];
  const { component } = reader(kafka, async (records) => {
    if (records.every(({ partition }) => partition === 1)) return;
    if (records.length === 1) tries.push(performance.now());
    throw new Error('always');
  });
  await using _ = await running(component);

  await eventually(
    async () => {
      await sendTo(kafka, { 1: ['good'] });
      expect((await committed(kafka, 'readers', 'inbox'))[0]).toBe(1);
    },
    { timeoutMs: 40_000 },
  );
  expect(tries.length).toBeGreaterThanOrEqual(5);
  expect((tries.at(-1) ?? 0) - (tries[0] ?? 0)).toBeGreaterThanOrEqual(10_000);
  expect(await readTopic(kafka, dlq)).toMatchObject([{ value: Buffer.from('lonely') }]);
}, 60_000);
