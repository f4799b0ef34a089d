import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '@orderflow/contracts';
import { contentDigest, type ReceivedRecord } from '@orderflow/messaging';
import { expect, onTestFinished, test } from 'vitest';
import { createBench, deadLetterEverything, deadLetters, plainOrder } from './kit.ts';

const text = ({ value }: ReceivedRecord) => value?.toString();

test('a mark written by another program suppresses no replay', async () => {
  const bench = await createBench();
  const mark = { dlq_replay_of: `${deadLetters}/0/0` };
  const bad = { topic: topics.orders, key: 'k', value: '{nonsense' };
  // It foretells its own dead letter.
  await bench.send([{ ...bad, headers: { mine: 'x', ...mark } }]);
  await deadLetterEverything(bench, 1);
  await bench.send([
    { ...bad, headers: { mine: 'x', ...mark } },
    { ...bad, headers: { mine: 'y', ...mark, dlq_attempt: '1' } },
    { ...bad, value: '{other', headers: { mine: 'x', ...mark, dlq_attempt: '1' } },
    { ...bad, value: plainOrder('o-1'), headers: { ...mark, dlq_attempt: '1', dlq_edited_by: 'root' } },
  ]);
  expect((await bench.orders('dlq', 'replay', '--dry-run')).out).toContain('1 would be sent to orders');
  expect((await bench.orders('dlq', 'replay', '0/0')).out).toBe('replayed 1 of 1 to orders');
  expect((await bench.orders('dlq', 'replay', '0/0')).out).toBe(
    'replayed 0 of 1 to orders, 1 had been replayed before',
  );
  const [source] = await bench.read(topics.orders);
  const replayed = (await bench.read(topics.orders)).at(-1);
  expect(replayed && contentDigest(replayed)).toBe(source && contentDigest(source));
});

test('an edit counts as the replay of its dead letter, by what was written down of it', async () => {
  const bench = await createBench();
  const dir = await mkdtemp(join(tmpdir(), 'orders-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'edited'), plainOrder('o-1'));
  await bench.deadLetter([{ value: '{nonsense' }]);
  expect((await bench.orders('dlq', 'replay', '0/0', '--edit', join(dir, 'edited'))).code).toBe(0);
  expect((await bench.orders('dlq', 'replay', '0/0')).out).toBe(
    'replayed 0 of 1 to orders, 1 had been replayed before',
  );
});

test('a replay goes to the partition of its record, whatever its key', async () => {
  const bench = await createBench({ partitions: 3 });
  const key = Buffer.alloc(700_000, 'k');
  await bench.deadLetter([0, 1, 2].map((partition) => ({ key, value: `from ${partition}`, partition })));
  expect((await bench.orders('dlq', 'replay')).out).toBe('replayed 3 of 3 to orders');
  const sent = await bench.read(topics.orders);
  expect(sent.map((record) => [record.partition, text(record)]).sort()).toEqual([
    [0, 'from 0'],
    [1, 'from 1'],
    [2, 'from 2'],
  ]);
});

test('a dead letter without headers or value is shown and replayed from its source, or refused', async () => {
  const bench = await createBench();
  const headers = { mine: 'x', none: undefined };
  await bench.send([
    { topic: topics.orders, key: 'k', value: plainOrder('o-1'), headers },
    { topic: topics.orders, key: 'k', value: plainOrder('o-2') },
  ]);
  const [first, second] = await bench.read(topics.orders);
  if (first === undefined || second === undefined) throw new Error('two were sent');
  const reducedTo = (record: ReceivedRecord, offset: number) => ({
    key: 'k',
    value: null,
    offset,
    headers: { dlq_omitted: 'headers,value', dlq_sha256: contentDigest(record) },
  });
  await bench.deadLetter([
    reducedTo(first, 0),
    reducedTo(first, 1),
    reducedTo(second, 9),
    { value: 'whole', offset: 1 },
    { value: null, offset: 0, headers: { dlq_omitted: 'headers,value,key' } },
  ]);

  const shown = (await bench.orders('dlq', 'show', '0/0')).out;
  expect(shown).toContain('mine: x');
  expect(shown).toContain('"orderId": "o-1"');
  expect((await bench.orders('dlq', 'show', '0/1')).out).toContain('orders/0/1 is another record now');

  const { code, out, err } = await bench.orders('dlq', 'replay');
  expect([code, out]).toEqual([1, 'replayed 2 of 5 to orders, 3 refused']);
  expect(err).toContain('0/1 is incomplete, and orders/0/1 is another record now');
  expect(err).toContain('0/2 is incomplete, and orders/0/9 does not exist any more');
  expect(err).toContain('0/4 is incomplete, and orders/0/0 begins a batch that cannot be decoded');
  const sent = (await bench.read(topics.orders)).slice(2);
  expect(sent.map(text)).toEqual(expect.arrayContaining([plainOrder('o-1'), 'whole']));
  const replayed = sent.find((record) => text(record) === plainOrder('o-1'));
  expect(replayed?.rawHeaders).toMatchObject({ mine: Buffer.from('x'), none: null });
  expect(replayed && contentDigest(replayed)).toBe(contentDigest(first));
  expect((await bench.orders('dlq', 'replay', '0/0')).out).toContain('1 had been replayed before');
});
