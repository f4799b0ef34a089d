import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { readJsonOrder } from '@orderflow/contracts';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { afterAll, expect, test } from 'vitest';
import { linesOf } from '../src/send/order-lines.ts';
import { recordOf } from '../src/send/order-record.ts';
import { type OrderFlags, orderOfFile, orderOfFlags } from '../src/send/order-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'order-text-'));
afterAll(() => rmSync(folder, { recursive: true }));

const now = new Date('2026-11-30T10:00:00Z');

function fileWith(content: string | Buffer): string {
  const file = join(folder, 'order.json');
  writeFileSync(file, content);
  return file;
}

const read = (content: unknown, id?: string) => orderOfFile(fileWith(JSON.stringify(content)), id, 'made');

test('options are an order in plain JSON', () => {
  const order = orderOfFlags('o-1', { customer: 'c-1', product: ['p-1=2', 'p-2'], sku: ['A=B=3'] });
  expect(order.text).toBe(
    '{"order_id":"o-1","customer_id":"c-1","products":[{"product_id":"p-1","quantity":2},{"product_id":"p-2","quantity":1},{"sku":"A=B","quantity":3}]}',
  );
  expect(
    ['order_id', 'customer_id', 'lines[1].quantity', 'lines[2]', 'request_id'].map(order.nameOf),
  ).toEqual(['--id', '--customer', '--product p-2', '--sku A=B=3', 'request_id']);
});

test.each<[OrderFlags, string]>([
  [{ customer: 'c-1' }, 'An order has at least one line'],
  [{ product: ['p-1=two'] }, '--product p-1=two: a whole number is expected behind the last "="'],
  [{ product: ['p-1=1.5'] }, '--product p-1=1.5: a whole number'],
  [{ sku: ['=2'] }, '--sku =2: a whole number'],
  [{ sku: [''] }, '--sku : a whole number'],
])('%j is wrong usage', (flags, message) => {
  expect(() => orderOfFlags('o-1', flags)).toThrow(message);
});

test('a file keeps its bytes where it has an id, and gets one where it has none', async () => {
  const text = '{ "orderId": "o-1", "customerId":"c-1", "items":[{"sku":"A"}] }';
  expect((await orderOfFile(fileWith(text), undefined, 'made')).text).toBe(text);
  expect((await read({ items: [] })).request.orderId).toBe('made');
  expect((await read({ order: { order_id: null, items: [] } }, 'o-2')).text).toBe(
    '{"order":{"items":[],"order_id":"o-2"}}',
  );
  await expect(read({ order_id: 'o-1' }, 'o-2')).rejects.toThrow('has the id o-1; leave one of them out');
});

test('a file that is no order is named, with what is wrong', async () => {
  await expect(orderOfFile(fileWith('{"a'), undefined, 'made')).rejects.toThrow(/order\.json is not JSON: /);
  await expect(orderOfFile(fileWith('[]'), undefined, 'made')).rejects.toThrow('a JSON object is expected');
  await expect(orderOfFile(join(folder, 'none'), undefined, 'made')).rejects.toThrow(
    'none cannot be read: ENOENT',
  );
  const large = fileWith(Buffer.alloc(1024 * 1024 + 1, ' '));
  await expect(orderOfFile(large, undefined, 'made')).rejects.toThrow('it is larger than 1 MiB');
  await expect(orderOfFile(fileWith(Buffer.from([0x7b, 0xff])), undefined, 'made')).rejects.toThrow(
    'cannot be read',
  );
});

const everyShape = {
  order_id: 'o-1',
  customer: { user_id: 7 },
  items: [{ product_id: 'p-1', quantity: '2', price: 9.99 }, { sku: 'A' }],
};

test('a record in JSON is the text, one in protobuf has the headers of an event; both are the same order', async () => {
  const order = await read(everyShape);
  const json = recordOf(order, 'json', now);
  expect(json).toEqual({ topic: 'orders', key: 'o-1', value: order.text });
  const { value, ...record } = recordOf(order, 'protobuf', now);
  expect(record).toEqual({
    topic: 'orders',
    key: 'o-1',
    headers: {
      ce_specversion: '1.0',
      ce_id: 'o-1/submitted',
      ce_type: 'orderflow.order.event.v1.OrderSubmitted',
      ce_source: '/orderflow/cli',
      ce_subject: 'o-1',
      ce_time: '2026-11-30T10:00:00.000Z',
      'content-type': 'application/protobuf',
    },
  });
  const { customerId, lines } = fromBinary(OrderSubmittedSchema, value as Uint8Array);
  expect(customerId).toBe(readJsonOrder(order.text).submission.customerId);
  expect(
    lines.map(({ reference, quantity, quotedPrice }) => [reference.value, quantity, quotedPrice?.nanos]),
  ).toEqual([
    ['p-1', 2n, 990_000_000],
    ['A', 1n, undefined],
  ]);
});

test('everything that a message cannot express is listed as the file has it', async () => {
  const order = await read({
    order_id: 'o-1',
    customer_id: true,
    items: [{ sku: 'A', quantity: 1.5 }, { sku: 'B', price: 9.999 }, 'C'],
    note: 'n',
  });
  const listed = [
    '  note: does not exist here: .*',
    '  items\\[2\\]: must be an object',
    '  customer_id: must be a string or a whole number',
    '  items\\[0\\].quantity: must be a whole number',
    '  items\\[1\\].price: 9.999 is not an amount with at most two decimals',
  ];
  expect(() => linesOf(order)).toThrow(new RegExp(`^The order was not sent:\\n${listed.join('\\n')}$`));
  expect(() => recordOf(order, 'protobuf', now)).toThrow('items[1].price');
});

test.each<[string, object, RegExp]>([
  [
    'an unusable id',
    { order_id: 'o 1', items: [] },
    /^The order was not sent:\n {2}order_id: must be 1 to 64/,
  ],
  [
    'validate_only',
    { order_id: 'o-1', items: [], validate_only: true },
    /validate_only: .* always processed/,
  ],
  [
    'a price that records do not have',
    { order_id: 'o-1', items: [{ sku: 'A', unit_price: 1 }] },
    /--format protobuf/,
  ],
  [
    'an order beside something',
    { order: { order_id: 'o-1', items: [] }, request_id: 'r' },
    /read this JSON as another order/,
  ],
])('%s is no record in JSON', async (_, content, message) => {
  const order = await read(content);
  expect(() => recordOf(order, 'json', now)).toThrow(message);
});

test('a record in JSON may have members that the worker ignores, and be one that it rejects', async () => {
  const order = await read({ order_id: 'o-1', items: [{ sku: 'A', quantity: -1, price: 9.999 }], note: 'n' });
  expect(recordOf(order, 'json', now).value).toBe(order.text);
});
