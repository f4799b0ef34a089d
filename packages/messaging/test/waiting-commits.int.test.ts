import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { committed, running, text } from './kit.ts';
import { reader, sendTo, withDeadLetters } from './reader.ts';
import { requestsOf } from './requests.ts';

const names = (count: number) => Array.from({ length: count }, (_, index) => `record ${index}`);

test('small batches are committed at most every 250 ms, partitions together, and the last one too', async () => {
  const commits = requestsOf('offsetCommit');
  const kafka = await withDeadLetters(2);
  const batches: string[][] = [];
  const { component, metrics } = reader(kafka, async (records) => void batches.push(records.map(text)));
  await using _ = await running(component);

  const began = performance.now();
  for (const [index, name] of names(20).entries()) {
    await sendTo(kafka, { [index % 2]: [name] });
    await eventually(() => batches.flat().includes(name), { intervalMs: 5 });
  }
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([10, 10]));
  expect(batches).toHaveLength(20);
  expect(commits.length).toBeLessThanOrEqual(1 + (performance.now() - began) / 250);
  await eventually(async () => expect(await metrics.value('orderflow_consumer_lag')).toBe(0));
});

test('a stop commits what waits, so that nothing comes twice', async () => {
  const kafka = await withDeadLetters(2);
  const seen: string[] = [];
  const { component } = reader(kafka, async (records) => void seen.push(...records.map(text)));
  const first = await running(component);
  await sendTo(kafka, { 0: ['a', 'b'], 1: ['c'] });
  await eventually(() => seen.length === 3, { intervalMs: 1 });
  await first.stop();
  expect(await committed(kafka, 'readers', 'inbox')).toEqual([2, 1]);
});

test('what waits when the group rebalances is committed before this member rejoins, so that nothing comes twice', async () => {
  const kafka = await withDeadLetters(2);
  const seen: string[] = [];
  const handle = async (records: Parameters<typeof text>[0][]) => void seen.push(...records.map(text));
  await using _first = await running(reader(kafka, handle).component);

  // Something is always handled and not yet committed.
  let sent = 0;
  let isJoined = false;
  const second = running(reader(kafka, handle).component).finally(() => {
    isJoined = true;
  });
  while (!isJoined) {
    await sendTo(kafka, { [sent % 2]: [`record ${sent}`] });
    sent += 1;
  }
  await using _second = await second;
  await eventually(() => new Set(seen).size === sent);
  await eventually(async () =>
    expect(await committed(kafka, 'readers', 'inbox')).toEqual([Math.ceil(sent / 2), Math.floor(sent / 2)]),
  );
  expect(seen.toSorted()).toEqual(names(sent).toSorted());
});
