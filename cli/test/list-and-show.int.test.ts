import { create, toBinary } from '@bufbuild/protobuf';
import { deadLetterTopic, groups, toMoney, topics } from '@orderflow/contracts';
import { InventoryReservedSchema } from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import { PaymentProcessedSchema } from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import { deadLetterSpec, ensureTopics } from '@orderflow/messaging';
import { loadConfig } from '@orderflow/runtime';
import { describe, expect, test, vi } from 'vitest';
import { settings } from '../src/config.ts';
import { run } from '../src/run.ts';
import { createBench, plainOrder, protobufOrder } from './kit.ts';

const lines = (text: string) => text.split('\n');

describe('orders dlq list', () => {
  test('counts by reason, most first, and lists each with its order id', async () => {
    const bench = await createBench();
    await bench.deadLetter([
      { value: '{nonsense', reason: 'MALFORMED_JSON', time: '2026-11-20T10:00:00Z' },
      { value: plainOrder('o-1'), reason: 'ORDER_ID_CONFLICT', time: '2026-11-21T10:00:00Z' },
      { value: protobufOrder('o-2'), reason: 'ORDER_ID_CONFLICT', time: '2026-11-22T10:00:00Z', attempt: 3 },
    ]);
    const { code, out } = await bench.orders('dlq', 'list');
    expect(code).toBe(0);
    expect(lines(out)).toEqual([
      '3 dead letters in orders.order-worker.dlq',
      '',
      'reason             count  first                 last                  example',
      'ORDER_ID_CONFLICT      2  2026-11-21 10:00:00Z  2026-11-22 10:00:00Z  0/1',
      'MALFORMED_JSON         1  2026-11-20 10:00:00Z  2026-11-20 10:00:00Z  0/0',
      '',
      'position  time                  reason             order id  attempts     bytes',
      '0/0       2026-11-20 10:00:00Z  MALFORMED_JSON     -                1         9',
      `0/1       2026-11-21 10:00:00Z  ORDER_ID_CONFLICT  o-1              1  ${String(plainOrder('o-1').length).padStart(8)}`,
      `0/2       2026-11-22 10:00:00Z  ORDER_ID_CONFLICT  o-2              3  !  ${String(protobufOrder('o-2').length).padStart(5)}`,
    ]);
  });

  test('filters by reason, time and key', async () => {
    const bench = await createBench();
    await bench.deadLetter([
      { value: 'a', key: 'k-1', reason: 'EMPTY', time: '2026-11-20T10:00:00Z' },
      { value: 'b', key: 'k-2', reason: 'EMPTY', time: '2026-11-21T10:00:00Z' },
      { value: 'c', key: 'k-1', reason: 'TOMBSTONE', time: '2026-11-22T10:00:00Z' },
    ]);
    async function listed(...filter: string[]): Promise<string[]> {
      const { out } = await bench.orders('dlq', 'list', ...filter);
      return lines(out).flatMap((line) => /^0\/\d+/.exec(line) ?? []);
    }
    expect(await listed('--reason', 'EMPTY')).toEqual(['0/0', '0/1']);
    expect(await listed('--key', 'k-1')).toEqual(['0/0', '0/2']);
    expect(await listed('--since', '2026-11-21T10:00:00Z')).toEqual(['0/1', '0/2']);
    expect(await listed('--until', '2026-11-21T10:00:00Z')).toEqual(['0/0']);
    expect(await listed('--reason', 'EMPTY', '--since', '2026-11-21')).toEqual(['0/1']);
    expect((await bench.orders('dlq', 'list', '--key', 'k-3')).out).toBe(
      'No dead letters in orders.order-worker.dlq that match.',
    );
  });

  test('a reason that no dead letter has is an error that names those there are', async () => {
    const bench = await createBench();
    await bench.deadLetter([
      { value: 'a', reason: 'MALFORMED_JSON' },
      { value: 'b', reason: 'EMPTY' },
    ]);
    for (const command of ['list', 'replay']) {
      const { code, err } = await bench.orders('dlq', command, '--reason', 'MALFROMED_JSON');
      expect({ code, err }).toEqual({
        code: 1,
        err:
          'No dead letter in orders.order-worker.dlq has the reason MALFROMED_JSON. ' +
          'Did you mean "MALFORMED_JSON"? Existing reasons: EMPTY, MALFORMED_JSON.',
      });
    }
  });

  test('marks what was replayed', async () => {
    const bench = await createBench();
    await bench.deadLetter([
      { value: 'a', reason: 'EMPTY' },
      { value: 'b', reason: 'EMPTY' },
    ]);
    expect((await bench.orders('dlq', 'replay', '0/1')).code).toBe(0);
    const rows = lines((await bench.orders('dlq', 'list')).out).filter((line) => /^0\/\d+/.test(line));
    expect(rows.map((row) => row.includes('replayed'))).toEqual([false, true]);
  });

  test('never writes control characters of a stranger to the terminal, and stays within 100 columns', async () => {
    const bench = await createBench();
    const id = `\u001b[31m${'x'.repeat(200)}`;
    await bench.deadLetter([{ value: JSON.stringify({ orderId: id }), reason: 'r'.repeat(300) }]);
    const { out } = await bench.orders('dlq', 'list');
    expect(out).not.toContain('\u001b');
    expect(Math.max(...lines(out).map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});

describe('orders dlq list --order', () => {
  test('finds an order in all dead letters: by its content, else by its headers, else by its key', async () => {
    const bench = await createBench();
    const others = [
      [topics.paymentEvents, groups.orderSaga],
      [topics.inventoryEvents, groups.payment],
      [topics.orderEvents, groups.inventory],
    ] as const;
    await ensureTopics(
      bench.kafka,
      others.map(([name, group]) => deadLetterSpec({ name, partitions: 1, retention: 'unlimited' }, group)),
    );
    const total = toMoney(216n, 'USD');
    const letter = (topic: string, group: string, reason: string, minute: number) => ({
      topic: deadLetterTopic(topic, group),
      headers: { dlq_reason: reason, dlq_detail: 'a test', dlq_time: `2026-11-20T10:0${minute}:00Z` },
    });
    const processed = letter(topics.paymentEvents, groups.orderSaga, 'PROCESSING_FAILED', 1);
    const reserved = letter(topics.inventoryEvents, groups.payment, 'CONTRADICTORY_EVENT', 2);
    // One topic at a time: what is sent to several at once comes twice when one of them is not ready yet.
    await bench.send([
      {
        ...processed,
        key: 'anything',
        value: toBinary(PaymentProcessedSchema, create(PaymentProcessedSchema, { orderId: 'o-1' })),
        headers: { ...processed.headers, ce_type: PaymentProcessedSchema.typeName },
      },
    ]);
    await bench.send([
      {
        ...reserved,
        key: 'anything',
        value: toBinary(
          InventoryReservedSchema,
          create(InventoryReservedSchema, { orderId: 'o-1', customerId: 'c-1', total }),
        ),
        headers: { ...reserved.headers, ce_type: InventoryReservedSchema.typeName },
      },
    ]);
    await bench.send([
      { ...letter(topics.orderEvents, groups.inventory, 'MALFORMED_PROTOBUF', 4), key: 'o-1', value: '\xff' },
      { ...letter(topics.orderEvents, groups.inventory, 'MALFORMED_PROTOBUF', 4), key: 'o-2', value: '\xff' },
    ]);
    await bench.deadLetter([
      {
        value: '{nonsense',
        key: 'o-2',
        headers: { ce_subject: 'o-1' },
        time: '2026-11-20T10:03:00Z',
        attempt: 3,
      },
      { value: plainOrder('o-2'), headers: { ce_subject: 'o-1' }, key: 'o-1' },
    ]);

    const { code, out } = await bench.orders('dlq', 'list', '--order', 'o-1');
    expect(code).toBe(0);
    expect(lines(out)).toEqual([
      '4 dead letters of order o-1',
      '',
      'topic             group         position  time                  reason               attempts',
      'payment-events    order-saga    0/0       2026-11-20 10:01:00Z  PROCESSING_FAILED           1     a test',
      'inventory-events  payment       0/0       2026-11-20 10:02:00Z  CONTRADICTORY_EVENT         1     a test',
      'orders            order-worker  0/0       2026-11-20 10:03:00Z  MALFORMED_JSON              3  !  a test',
      'order-events      inventory     0/0       2026-11-20 10:04:00Z  MALFORMED_PROTOBUF          1     a test',
    ]);
    expect((await bench.orders('dlq', 'list', '--order', 'o-1', '--reason', 'MALFORMED_JSON')).out).toContain(
      '1 dead letters of order o-1',
    );
    expect((await bench.orders('dlq', 'list', '--order', 'o-3')).out).toBe('No dead letters of order o-3.');
    const show = ['dlq', 'show', '0/0', '--topic', topics.paymentEvents, '--group', groups.orderSaga];
    expect((await bench.orders(...show)).out).toContain(
      'Content (protobuf orderflow.payment.event.v1.PaymentProcessed)\n{\n  "orderId": "o-1"',
    );
  });
});

describe('orders dlq show', () => {
  test.each([
    ['protobuf', protobufOrder('o-7'), {}, 'Content (protobuf orderflow.order.event.v1.OrderSubmitted)'],
    ['plain JSON', plainOrder('o-7'), {}, 'Content (plain JSON)'],
    [
      'protobuf JSON',
      '{"orderId":"o-7","lines":[]}',
      { 'content-type': 'application/json' },
      'Content (JSON)',
    ],
  ])('decodes %s', async (_, value, headers, heading) => {
    const bench = await createBench();
    await bench.deadLetter([{ value, headers }]);
    const { code, out } = await bench.orders('dlq', 'show', '0/0');
    expect(code).toBe(0);
    expect(out).toContain(`${heading}\n{\n  "orderId": "o-7"`);
  });

  test('shows key, headers, why the content cannot be read, and its bytes', async () => {
    const bench = await createBench();
    const value = Buffer.from([0x7b, 0x22, 0xff, ...Buffer.from('0123456789abcdef')]);
    await bench.deadLetter([{ key: 'k-1', value, headers: { trace: Buffer.from([0xff, 0x01]) } }]);
    const { out } = await bench.orders('dlq', 'show', '0/0');
    expect(out).toContain('key: k-1\n');
    expect(out).toContain('  trace: 0xff01\n');
    expect(out).toContain('  dlq_reason: MALFORMED_JSON\n');
    expect(out).toContain('Content\n  cannot be read: ');
    expect(out).toContain(
      'Bytes (19)\n' +
        '00000000  7b 22 ff 30 31 32 33 34  35 36 37 38 39 61 62 63  |{".0123456789abc|\n' +
        '00000010  64 65 66                                          |def|',
    );
  });

  test('cuts after 4 KiB and says so; --full does not', async () => {
    const bench = await createBench();
    await bench.deadLetter([{ value: Buffer.alloc(5_000, 1) }]);
    const short = await bench.orders('dlq', 'show', '0/0');
    expect(short.out).toContain('00000ff0  01');
    expect(short.out).not.toContain('00001000  01');
    expect(short.out).toContain('… 904 more bytes: --full shows them');
    const full = await bench.orders('dlq', 'show', '0/0', '--full');
    expect(full.out).toContain('00001380  01 01 01 01 01 01 01 01 ');
    expect(full.out).not.toContain('more bytes');
  });

  test('distinguishes tombstones from empty values', async () => {
    const bench = await createBench();
    await bench.deadLetter([{ value: null }, { value: '' }]);
    expect((await bench.orders('dlq', 'show', '0/0')).out).toContain('it has no value (a tombstone)');
    expect((await bench.orders('dlq', 'show', '0/1')).out).toContain('its value is empty');
  });
});

describe('what cannot be done is said in one sentence', () => {
  test('a dead letter that does not exist', async () => {
    const bench = await createBench();
    await bench.deadLetter([{ value: 'a' }]);
    for (const command of ['show', 'replay']) {
      expect(await bench.orders('dlq', command, '0/7')).toEqual({
        code: 1,
        out: '',
        err: 'Dead letter 0/7 of orders.order-worker.dlq does not exist: partition 0 holds 0 to 0.',
      });
    }
    expect((await bench.orders('dlq', 'show', '4/0')).err).toContain('its partitions are 0 to 0');
  });

  test('a topic that does not exist', async () => {
    const bench = await createBench();
    expect(await bench.orders('dlq', 'list', '--topic', 'nowhere')).toEqual({
      code: 1,
      out: '',
      err: 'Topic nowhere.order-worker.dlq does not exist. Existing topics: orders.order-worker.dlq.',
    });
  });

  test('Kafka that does not respond', async () => {
    const terminal = {
      print: () => {},
      note: vi.fn<(text: string) => void>(),
      signal: new AbortController().signal,
    };
    const nowhere = loadConfig(settings, { KAFKA_BROKERS: '127.0.0.1:1' });
    for (const args of [['list'], ['show', '0/0'], ['replay']]) {
      expect(await run(['dlq', ...args], nowhere, terminal)).toBe(1);
      expect(terminal.note.mock.lastCall?.[0]).toMatch(
        /^Kafka is unavailable at 127\.0\.0\.1:1: is it running, and is KAFKA_BROKERS right\?/,
      );
    }
  });

  test.each([
    [['dlq', 'list', '--since', 'yesterday'], '--since: "yesterday" is not a time'],
    [['dlq', 'list', '--nonsense'], 'Unknown option --nonsense.'],
    [['dlq', 'show'], 'One PARTITION/OFFSET of a dead letter is expected'],
    [['dlq', 'show', 'first'], '"first" is not a dead letter: PARTITION/OFFSET is expected'],
    [['dlq', 'replay', '--rate', 'fast'], '--rate: "fast" is not a rate'],
    [['dlq', 'replay', '0/1', '--key', 'k'], 'Positions and filters cannot be combined'],
    [['dlq', 'replay', '--edit', 'file'], '--edit takes exactly one PARTITION/OFFSET'],
    [['dlq', 'list', '--order', 'o-1', '--topic', 'orders'], '--order searches all dead letters'],
    [['dlq', 'drop'], 'Unknown command "dlq drop"'],
  ])('wrong usage: %j', async (args, message) => {
    const bench = await createBench();
    const { code, err } = await bench.orders(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test('--help of every command fits a terminal', async () => {
    const bench = await createBench();
    for (const command of [
      [],
      ['send'],
      ['show'],
      ['stuck'],
      ['check'],
      ['dlq', 'list'],
      ['dlq', 'show'],
      ['dlq', 'replay'],
    ]) {
      const { code, out } = await bench.orders(...command, '--help');
      expect(code).toBe(0);
      expect(out).toMatch(/^Usage: pnpm orders/);
      expect(Math.max(...lines(out).map((line) => line.length))).toBeLessThanOrEqual(110);
    }
  });
});
