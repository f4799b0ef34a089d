import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { topics } from '@orderflow/contracts';
import type { ReceivedRecord } from '@orderflow/messaging';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createBench, deadLetterEverything, deadLetters, plainOrder, protobufOrder } from './kit.ts';

const text = ({ value }: ReceivedRecord) => value?.toString();
const replayOf = ({ headers }: ReceivedRecord) => headers['dlq_replay_of'];

describe('orders dlq replay', () => {
  test('sends back the same bytes, key and headers, each once, also when it runs again', async () => {
    const bench = await createBench();
    const value = Buffer.from([0x0a, 0xff, 0x00, 0x7b]);
    const key = Buffer.from([0xfe, 0x01]);
    const headers = { ce_id: 'o-1/1', binary: Buffer.from([0xff]) };
    await bench.deadLetter([{ key, value, headers }, { value: null }, { value: '' }]);

    expect(await bench.orders('dlq', 'replay')).toEqual({
      code: 0,
      out: 'replayed 3 of 3 to orders',
      err: '',
    });
    expect((await bench.orders('dlq', 'replay')).out).toBe('Nothing to replay in orders.order-worker.dlq.');
    expect((await bench.orders('dlq', 'replay', '0/0', '0/2')).out).toBe(
      'replayed 0 of 2 to orders, 2 had been replayed before',
    );

    const [first, second, third, ...more] = await bench.read(topics.orders);
    expect(more).toEqual([]);
    expect(first).toMatchObject({ key, value });
    expect(first?.rawHeaders).toEqual({
      ce_id: Buffer.from('o-1/1'),
      binary: Buffer.from([0xff]),
      dlq_attempt: Buffer.from('1'),
      dlq_replay_of: Buffer.from(`${deadLetters}/0/0`),
    });
    expect(second).toMatchObject({ key: null, value: null });
    expect(third?.value).toEqual(Buffer.alloc(0));
  });

  test('sends only what the filter or the positions choose; a replay of all then sends the others', async () => {
    const bench = await createBench();
    await bench.deadLetter([
      { value: 'a', reason: 'EMPTY' },
      { value: 'b', reason: 'TOMBSTONE' },
      { value: 'c', reason: 'EMPTY' },
      { value: 'd', reason: 'WRONG_TYPE' },
      { value: 'e', reason: 'WRONG_TYPE' },
    ]);
    const sent = async () => (await bench.read(topics.orders)).map(text);
    expect((await bench.orders('dlq', 'replay', '--reason', 'EMPTY')).out).toBe('replayed 2 of 2 to orders');
    expect(await sent()).toEqual(['a', 'c']);
    await bench.orders('dlq', 'replay', '0/3', '0/1');
    expect(await sent()).toEqual(['a', 'c', 'b', 'd']);
    expect((await bench.orders('dlq', 'replay')).out).toBe(
      'replayed 1 of 5 to orders, 4 had been replayed before',
    );
    expect(await sent()).toEqual(['a', 'c', 'b', 'd', 'e']);
  });

  test('a dry run says what would be sent and sends nothing', async () => {
    const bench = await createBench();
    await bench.deadLetter([{ value: plainOrder('o-1') }, { value: plainOrder('o-2') }]);
    await bench.orders('dlq', 'replay', '0/0');
    const { code, out } = await bench.orders('dlq', 'replay', '--dry-run');
    expect(code).toBe(0);
    expect(out).toContain('1 would be sent to orders, 1 had been replayed before');
    expect(out).toContain('o-2');
    expect(out).not.toContain('o-1');
    expect((await bench.read(topics.orders)).map(replayOf)).toEqual([`${deadLetters}/0/0`]);
    expect((await bench.orders('dlq', 'replay')).out).toContain('replayed 1 of 2');
  });

  test('keeps to the rate', async () => {
    const bench = await createBench();
    await bench.deadLetter(Array.from({ length: 120 }, (_, index) => ({ value: String(index) })));
    const { code } = await bench.orders('dlq', 'replay', '--rate', '50/s');
    expect(code).toBe(0);
    const times = (await bench.read(topics.orders)).map(({ timestamp }) => timestamp.getTime());
    expect(times).toHaveLength(120);
    const inTheSecondFrom = (start: number) => times.filter((time) => time >= start && time < start + 1_000);
    // A chunk of 5 more may fall into a second that begins with one; a few for timers that fire unevenly.
    expect(Math.max(...times.map((start) => inTheSecondFrom(start).length))).toBeLessThanOrEqual(60);
  });

  test('a record that comes back is a new dead letter; the third time it is marked', async () => {
    const bench = await createBench();
    await bench.send([{ topic: topics.orders, key: 'k', value: '{nonsense' }]);
    for (const times of [1, 2, 3]) {
      await deadLetterEverything(bench, times);
      const { out } = await bench.orders('dlq', 'list');
      expect(out.includes('!')).toBe(times === 3);
      const replayed = await bench.orders('dlq', 'replay');
      expect(replayed).toEqual({ code: 0, out: 'replayed 1 of 1 to orders', err: '' });
    }
    const records = await bench.read(topics.orders);
    expect(records.map(text)).toEqual(Array(4).fill('{nonsense'));
    expect(records.map(({ headers }) => headers['dlq_attempt'])).toEqual([undefined, '1', '2', '3']);
  });

  test('two at once send each record once', async () => {
    const bench = await createBench();
    await bench.deadLetter(Array.from({ length: 300 }, (_, index) => ({ value: String(index) })));
    const both = await Promise.all([bench.orders('dlq', 'replay'), bench.orders('dlq', 'replay')]);
    for (const { code, err } of both) if (code !== 0) expect(err).toContain('Another replay');
    await bench.orders('dlq', 'replay');
    expect((await bench.read(topics.orders)).map(text).sort()).toEqual(
      Array.from({ length: 300 }, (_, index) => String(index)).sort(),
    );
  });
});

describe('orders dlq replay --edit', () => {
  async function file(content: string | Uint8Array): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'orders-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const path = join(dir, 'edited');
    await writeFile(path, content);
    return path;
  }
  const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

  test('sends the new content and writes down who did it', async () => {
    const bench = await createBench();
    const old = protobufOrder('o-1');
    const edited = plainOrder('o-1');
    const headers = { 'content-type': 'application/protobuf', ce_type: 'something.Else', other: 'kept' };
    await bench.deadLetter([{ key: 'k-1', value: old, headers, reason: 'WRONG_TYPE' }, { value: 'another' }]);

    const { code, out } = await bench.orders('dlq', 'replay', '0/0', '--edit', await file(edited));
    expect([code, out]).toEqual([0, 'replayed 1 of 1 to orders']);
    const [record, ...more] = await bench.read(topics.orders);
    expect(more).toEqual([]);
    expect(record?.key?.toString()).toBe('k-1');
    expect(record?.value?.toString()).toBe(edited);
    expect(record?.headers).toEqual({
      'content-type': 'application/json',
      ce_type: 'orderflow.order.event.v1.OrderSubmitted',
      other: 'kept',
      dlq_attempt: '1',
      dlq_edited_by: userInfo().username,
      dlq_replay_of: `${deadLetters}/0/0`,
    });

    const [audit] = await bench.read('orders.audit');
    expect(audit?.key?.toString()).toBe('o-1');
    const { time, host, ...recorded } = JSON.parse(audit?.value?.toString() ?? '');
    expect(Date.parse(time)).toBeGreaterThan(Date.now() - 60_000);
    expect(host).not.toBe('');
    expect(recorded).toEqual({
      action: 'dead_letter_edited',
      user: userInfo().username,
      order_id: 'o-1',
      dead_letter: `${deadLetters}/0/0`,
      reason: 'WRONG_TYPE',
      old_sha256: sha256(old),
      new_sha256: sha256(edited),
    });

    // Any client may write there; audited edits are still found.
    const strange = ['{nonsense', 'null', '{"dead_letter":{"toString":1},"new_sha256":"x"}', null];
    await bench.send(strange.map((value) => ({ topic: 'orders.audit', key: null, value })));
    expect(await bench.orders('dlq', 'replay', '0/0')).toEqual({
      code: 0,
      out: 'replayed 0 of 1 to orders, 1 had been replayed before',
      err: '3 records on orders.audit are not JSON objects: skipped',
    });
  });

  test('refuses another order, and what is no order, and sends nothing', async () => {
    const bench = await createBench();
    await bench.deadLetter([{ value: plainOrder('o-1') }]);
    const another = await bench.orders('dlq', 'replay', '0/0', '--edit', await file(plainOrder('o-2')));
    expect(another.code).toBe(1);
    expect(another.err).toContain('The file is order o-2, the dead letter 0/0 is order o-1');
    const nothing = await bench.orders('dlq', 'replay', '0/0', '--edit', await file(''));
    expect(nothing.err).toBe('The file is not an order: its value is empty.');
    const nameless = await bench.orders('dlq', 'replay', '0/0', '--edit', await file('{"products":[]}'));
    expect(nameless.err).toContain('The file has no order id');
    const missing = await bench.orders('dlq', 'replay', '0/0', '--edit', '/nowhere/at-all');
    expect(missing).toMatchObject({ code: 1, err: expect.stringContaining('/nowhere/at-all') });
    expect(await bench.read(topics.orders)).toEqual([]);
  });

  test('gives a record that could not be read the order id of the file', async () => {
    const bench = await createBench();
    await bench.deadLetter([
      { value: '{"orderId":"o-1', headers: { ce_subject: 'o-1' } },
      { value: '{nonsense' },
    ]);
    const path = await file(plainOrder('o-2'));
    expect((await bench.orders('dlq', 'replay', '0/0', '--edit', path)).err).toContain('is order o-1');
    expect((await bench.orders('dlq', 'replay', '0/1', '--edit', path)).out).toBe(
      'replayed 1 of 1 to orders',
    );
  });
});
