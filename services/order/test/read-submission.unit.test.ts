import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import {
  type OrderSubmitted,
  OrderSubmittedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { seededRandom } from '@orderflow/testing/seeded-random';
import { describe, expect, test } from 'vitest';
import { readSubmission, type UnreadableReason, unreadableReasons } from '../src/codec/read-submission.ts';
import { byId, bySku } from './kit.ts';

const message = create(OrderSubmittedSchema, {
  orderId: 'o-1',
  customerId: 'c-1',
  lines: [
    {
      reference: { case: 'productId', value: 'p-1' },
      quantity: 2n,
      quotedPrice: { currencyCode: 'USD', units: 999n, nanos: 990_000_000 },
    },
    { reference: { case: 'sku', value: 'MOUSE001' }, quantity: 1n },
  ],
});
const plain = {
  orderId: 'o-1',
  customerId: 'c-1',
  products: [
    { productId: 'p-1', quantity: 2, name: 'Laptop', price: 999.99 },
    { sku: 'MOUSE001', name: 'Mouse' },
  ],
};
const wire = (sent: OrderSubmitted = message) => toBinary(OrderSubmittedSchema, sent);
const utf8 = (text: string) => new TextEncoder().encode(text);
const json = (value: unknown) => utf8(JSON.stringify(value));
const read = (value: Uint8Array | null, headers: Record<string, string> = {}) =>
  readSubmission({ value, headers });

function submissionIn(value: Uint8Array, headers: Record<string, string> = {}) {
  const result = read(value, headers);
  if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
  return result.submission;
}

describe('a record of each format is read', () => {
  const expected = (currency: string | undefined) => ({
    orderId: 'o-1',
    customerId: 'c-1',
    lines: [
      { reference: byId('p-1'), quantity: 2, quotedPrice: { amount: 99_999n, currency } },
      { reference: bySku('MOUSE001'), quantity: 1, quotedPrice: undefined },
    ],
  });
  const mapping = utf8(toJsonString(OrderSubmittedSchema, message));
  const byteOrderMark = Uint8Array.of(0xef, 0xbb, 0xbf);
  test.each([
    ['protobuf', wire(), {}],
    ['protobuf', wire(), { 'content-type': 'application/protobuf', ce_type: OrderSubmittedSchema.typeName }],
    ['protobuf', wire(), { 'content-type': 'Application/X-Protobuf; charset=x' }],
    ['protobuf', wire(), { 'content-type': 'application/octet-stream' }],
    ['protobuf_json', mapping, {}],
    ['protobuf_json', mapping, { 'content-type': 'application/json; charset=utf-8' }],
    ['protobuf_json', utf8(toJsonString(OrderSubmittedSchema, message, { useProtoFieldName: true })), {}],
    ['plain_json', json(plain), {}],
    ['plain_json', json(plain), { 'content-type': 'application/vnd.shop+json' }],
    ['plain_json', utf8(` \n${JSON.stringify(plain)}`), { 'content-type': 'APPLICATION/JSON' }],
    ['plain_json', Buffer.concat([byteOrderMark, json(plain)]), {}],
  ] as const)('%s %#', (format, value, headers) => {
    const submission = expected(format === 'plain_json' ? undefined : 'USD');
    expect(read(value, { ...headers })).toEqual({ ok: true, format, submission });
  });

  test('more lines than an order may have are read, so that it is rejected: up to 1,000', () => {
    const lines = Array(1000).fill(message.lines[0]);
    expect(submissionIn(wire({ ...message, lines })).lines).toHaveLength(1000);
    expect(submissionIn(json({ orderId: 'o', products: Array(1000).fill({}) })).lines).toHaveLength(1000);
  });

  test('unknown fields are ignored in all of them', () => {
    const unknownField = Uint8Array.of(0xa2, 0x06, 0x02, 0x68, 0x69);
    expect(submissionIn(Buffer.concat([wire(), unknownField])).lines).toHaveLength(2);
    expect(
      submissionIn(json({ ...JSON.parse(Buffer.from(mapping).toString()), extra: [{}] })).lines,
    ).toHaveLength(2);
    expect(
      submissionIn(json({ ...plain, products: [{ productId: 'p-1', colour: {} }], extra: 1 })).lines,
    ).toEqual([{ reference: byId('p-1'), quantity: 1, quotedPrice: undefined }]);
  });

  test('a submission that will be rejected is readable all the same', () => {
    expect(submissionIn(wire(create(OrderSubmittedSchema, { orderId: 'o-1' })))).toEqual({
      orderId: 'o-1',
      customerId: '',
      lines: [],
    });
    expect(submissionIn(json({ orderId: 'o-1', products: null }))).toEqual({
      orderId: 'o-1',
      customerId: '',
      lines: [],
    });
    expect(submissionIn(json({ orderId: 'o-1', products: [{}] })).lines).toEqual([
      { reference: undefined, quantity: 1, quotedPrice: undefined },
    ]);
  });
});

describe('plain JSON in other shapes', () => {
  const expected = submissionIn(json(plain));
  const { products, customerId, ...others } = plain;
  test.each([
    ['items', { ...others, customerId, items: products }],
    [
      'the customer as an object',
      { ...others, customer: { user_id: 'c-1', email: 'a@example.com' }, products },
    ],
    ['the customer by another name', { ...others, customer: { customerId: 'c-1' }, products }],
    ['inside of order', { order: plain }],
  ])('%s', (_, value) => {
    expect(read(json(value))).toEqual({ ok: true, format: 'plain_json', submission: expected });
  });

  test('ids that are whole numbers are their decimal text', () => {
    const value = { orderId: 7, customerId: 42, items: [{ productId: 9007199254740991 }, { sku: 0 }] };
    expect(submissionIn(json(value))).toMatchObject({
      orderId: '7',
      customerId: '42',
      lines: [{ reference: byId('9007199254740991') }, { reference: bySku('0') }],
    });
  });

  test('what was ignored beside products, lines and a customer id still is', () => {
    const items = [{ productId: 'other', quantity: -1 }];
    const more = { items, customer: { user_id: 5.5 }, order: { orderId: 'other' }, unit_price: -1 };
    expect(submissionIn(json({ ...plain, ...more }))).toEqual(expected);
    const lines = [{ productId: 'p-1', quantity: 1, price: -1 }];
    expect(submissionIn(json({ orderId: 'o', customerId: 'c', lines, ...more }))).toEqual({
      orderId: 'o',
      customerId: 'c',
      lines: [{ reference: byId('p-1'), quantity: 1, quotedPrice: undefined }],
    });
    expect(submissionIn(json({ orderId: 'o', customer: 'c-1', items: [] })).customerId).toBe('');
  });
});

describe('numbers as people send them', () => {
  const withProduct = (text: string) =>
    submissionIn(utf8(`{"orderId":"o","products":[{"productId":"p",${text}}]}`)).lines[0];

  test.each([
    ['999.99', { amount: 99_999n, currency: undefined }],
    ['0.29', { amount: 29n, currency: undefined }],
    ['-1', { amount: -100n, currency: undefined }],
    ['0', { amount: 0n, currency: undefined }],
    ['90071992547409.91', { amount: 9_007_199_254_740_991n, currency: undefined }],
    ['999.999', { amount: undefined, text: '999.999' }],
    ['1e300', { amount: undefined, text: '1e+300' }],
    ['1e999', { amount: undefined, text: 'Infinity' }],
  ])('plain JSON price %s', (price, quotedPrice) => {
    expect(withProduct(`"price":${price}`)?.quotedPrice).toEqual(quotedPrice);
  });

  test.each([
    ['1.5', 1.5],
    ['-3', -3],
    ['1e999', Number.POSITIVE_INFINITY],
    ['null', 1],
    ['1e2', 100],
    ['1.0', 1],
    ['"2"', 2],
    ['"1e2"', 100],
    ['"1.0"', 1],
    ['"1.5"', 1.5],
    ['"-0.3e1"', -3],
  ])('plain JSON quantity %s', (quantity, expected) => {
    expect(withProduct(`"quantity":${quantity}`)?.quantity).toBe(expected);
  });

  test.each([
    ['12', 12],
    ['"12"', 12],
    ['1e2', 100],
    ['"1e2"', 100],
    ['1.0', 1],
    ['"1.0"', 1],
    ['1.5', 1.5],
    ['1e999', Number.POSITIVE_INFINITY],
    ['null', 0],
  ])('the protobuf JSON mapping reads quantity %s by the same rule', (quantity, expected) => {
    const value = utf8(`{"orderId":"o","lines":[{"productId":"p","quantity":${quantity}}]}`);
    expect(submissionIn(value).lines[0]?.quantity).toBe(expected);
  });

  test.each([
    ['{"currencyCode":"EUR","units":"-1"}', { amount: -100n, currency: 'EUR' }],
    ['{"currency_code":"EUR","units":1e2,"nanos":"5e8"}', { amount: 10_050n, currency: 'EUR' }],
    ['{}', { amount: 0n, currency: undefined }],
    ['null', undefined],
    ['{"units":1.5}', { amount: undefined, text: '1.5 units and 0 nanos' }],
    ['{"units":1,"nanos":1}', { amount: undefined, text: '1 units and 1 nanos' }],
    ['{"units":"1e99"}', { amount: undefined, text: '1e+99 units and 0 nanos' }],
  ])('the protobuf JSON mapping reads money %s', (money, expected) => {
    const value = utf8(`{"orderId":"o","lines":[{"quotedPrice":${money}}]}`);
    expect(submissionIn(value).lines[0]?.quotedPrice).toEqual(expected);
  });

  test.each([
    [
      { units: 1n, nanos: 1 },
      { amount: undefined, text: '1 units and 1 nanos' },
    ],
    [
      { units: 1n, nanos: -10_000_000 },
      { amount: undefined, text: '1 units and -10000000 nanos' },
    ],
    [
      { units: -1n, currencyCode: 'EUR' },
      { amount: -100n, currency: 'EUR' },
    ],
    [{ units: 2n ** 63n - 1n }, { amount: undefined, text: '9223372036854775807 units and 0 nanos' }],
  ])('protobuf money %#', (quotedPrice, expected) => {
    const sent = create(OrderSubmittedSchema, { orderId: 'o', lines: [{ quotedPrice }] });
    expect(submissionIn(wire(sent)).lines[0]?.quotedPrice).toEqual(expected);
  });
});

describe('blanks in front', () => {
  test.each(['\n', ' ', '\t', '\r\n', '\n\n  \n'])('%j of JSON do not make it protobuf', (blanks) => {
    expect(read(utf8(blanks + JSON.stringify(plain)))).toMatchObject({ ok: true, format: 'plain_json' });
    expect(read(utf8(`${blanks}[]`))).toMatchObject({ reason: 'MALFORMED_JSON' });
  });

  test('protobuf that looks like it stays protobuf: a line feed is the tag of the order id', () => {
    // An order id of 123 characters that a second one replaces, which protobuf allows: the length is a brace.
    const first = Buffer.concat([Buffer.of(0x0a, 0x7b), Buffer.alloc(0x7b, '"')]);
    expect(read(Buffer.concat([first, wire()]))).toMatchObject({ ok: true, format: 'protobuf' });
    for (let length = 1; length <= 64; length++) {
      const orderId = 'x'.repeat(length);
      expect(read(wire(create(OrderSubmittedSchema, { orderId })))).toMatchObject({ format: 'protobuf' });
    }
  });
});

describe('a record that cannot be read is named', () => {
  const nested = (levels: number) => `{"orderId":"o","deep":${'['.repeat(levels)}`;
  const registry = (value: Uint8Array) => Buffer.concat([Uint8Array.of(0, 0, 0, 0, 1), value]);
  const cases: [string, UnreadableReason, Uint8Array | null, Record<string, string>?][] = [
    ['no value', 'TOMBSTONE', null],
    ['no bytes', 'EMPTY', new Uint8Array()],
    ['another event', 'WRONG_TYPE', wire(), { ce_type: 'orderflow.order.event.v1.OrderAccepted' }],
    ['schema registry framing', 'SCHEMA_REGISTRY_FRAMING', registry(wire())],
    [
      'schema registry framing of JSON',
      'SCHEMA_REGISTRY_FRAMING',
      registry(json(plain)),
      { 'content-type': 'application/json' },
    ],
    ['truncated protobuf', 'MALFORMED_PROTOBUF', wire().subarray(0, -3)],
    ['random bytes', 'MALFORMED_PROTOBUF', Uint8Array.of(0xff, 0x13, 0x99, 0xfe, 0x01)],
    ['1 MiB of one byte', 'MALFORMED_PROTOBUF', Buffer.alloc(1 << 20, 0xff)],
    ['bad UTF-8 in protobuf', 'MALFORMED_PROTOBUF', Uint8Array.of(0x0a, 1, 0x6f, 0x12, 2, 0xc3, 0x28)],
    ['plain text', 'MALFORMED_PROTOBUF', utf8('hello')],
    ['JSON called protobuf', 'MALFORMED_PROTOBUF', json(plain), { 'content-type': 'application/protobuf' }],
    ['protobuf called JSON', 'MALFORMED_JSON', wire(), { 'content-type': 'application/json' }],
    ['truncated JSON', 'MALFORMED_JSON', json(plain).subarray(0, -1)],
    ['bad UTF-8 in JSON', 'MALFORMED_JSON', Buffer.from('{"orderId":"o-1","customerId":"\xc3("}', 'latin1')],
    [
      'half a character in plain JSON',
      'MALFORMED_JSON',
      utf8('{"orderId":"o","customerId":"\\ud800","products":[]}'),
    ],
    [
      'half a character in a product id',
      'MALFORMED_JSON',
      utf8('{"orderId":"o","products":[{"productId":"\\udc00"}]}'),
    ],
    [
      'half a character in the JSON mapping',
      'MALFORMED_JSON',
      utf8('{"orderId":"o","customerId":"\\ud800"}'),
    ],
    ['1 MiB of lines in protobuf', 'TOO_MANY_ELEMENTS', Buffer.alloc(1_048_576, Uint8Array.of(0x1a, 0x00))],
    ['1,001 lines in JSON', 'TOO_MANY_ELEMENTS', json({ orderId: 'o', lines: Array(1001).fill({}) })],
    ['1,001 products', 'TOO_MANY_ELEMENTS', json({ orderId: 'o', products: Array(1001).fill({}) })],
    ['an array', 'MALFORMED_JSON', json([plain])],
    ['100,000 levels of nothing', 'MALFORMED_JSON', utf8(nested(100_000))],
    ['products that are no array', 'MALFORMED_JSON', json({ orderId: 'o', products: {} })],
    ['a product that is no object', 'MALFORMED_JSON', json({ orderId: 'o', products: ['p-1'] })],
    [
      'a customer id that is a fraction',
      'MALFORMED_JSON',
      json({ orderId: 'o', customerId: 1.5, products: [] }),
    ],
    [
      'an order id that no double holds',
      'MALFORMED_JSON',
      utf8('{"orderId":9007199254740993,"products":[]}'),
    ],
    ['a product id that is a truth', 'MALFORMED_JSON', json({ orderId: 'o', items: [{ productId: true }] })],
    [
      'a user id that is a list',
      'MALFORMED_JSON',
      json({ orderId: 'o', customer: { user_id: [] }, items: [] }),
    ],
    ['1,001 items', 'TOO_MANY_ELEMENTS', json({ orderId: 'o', items: Array(1001).fill({}) })],
    ['items that are no array', 'MALFORMED_JSON', json({ orderId: 'o', items: {} })],
    ['an order inside of order twice', 'ORDER_ID_UNUSABLE', json({ order: { order: plain } })],
    ['an order beside other members', 'ORDER_ID_UNUSABLE', json({ order: plain, total: 1 })],
    ...[
      '0x10',
      '+1',
      ' 1',
      '1 ',
      '01',
      '1.',
      '.5',
      '',
      'NaN',
      'Infinity',
      '1_000',
      '1n',
      '9'.repeat(101),
    ].flatMap((number): typeof cases => [
      [`a quantity ${number}`, 'MALFORMED_JSON', json({ orderId: 'o', products: [{ quantity: number }] })],
      [`a price ${number}`, 'MALFORMED_JSON', json({ orderId: 'o', products: [{ price: number }] })],
      [
        `a quantity ${number} in the mapping`,
        'MALFORMED_JSON',
        json({ orderId: 'o', lines: [{ quantity: number }] }),
      ],
    ]),
    ['a quantity that is a list', 'MALFORMED_JSON', json({ orderId: 'o', lines: [{ quantity: [1] }] })],
    ['two order ids', 'MALFORMED_JSON', utf8('{"orderId":"a","products":[],"orderId":"b"}')],
    ['two order ids, one escaped', 'MALFORMED_JSON', utf8('{"orderId":"a","order\\u0049d" : "b"}')],
    ['an order id in both spellings', 'MALFORMED_JSON', json({ orderId: 'o', order_id: 'o' })],
    [
      'a customer id in both spellings',
      'MALFORMED_JSON',
      json({ orderId: 'o', customerId: null, customer_id: 'c' }),
    ],
    ['two quantities', 'MALFORMED_JSON', utf8('{"orderId":"o","lines":[{"quantity":1,"quantity":2}]}')],
    [
      'a product id in both spellings',
      'MALFORMED_JSON',
      json({ orderId: 'o', products: [{ productId: 'p', product_id: 'p' }] }),
    ],
    [
      'a price in both spellings',
      'MALFORMED_JSON',
      json({ orderId: 'o', lines: [{ quotedPrice: {}, quoted_price: {} }] }),
    ],
    ['a name twice in an ignored member', 'MALFORMED_JSON', utf8('{"orderId":"o","extra":[{"a":1,"a":2}]}')],
    ['products and lines', 'MALFORMED_JSON', json({ orderId: 'o', products: [], lines: [] })],
    [
      'two references of a product',
      'MALFORMED_JSON',
      json({ orderId: 'o', products: [{ productId: 'p', sku: 's' }] }),
    ],
    ['JSON that is cut off behind blanks', 'MALFORMED_JSON', utf8('\n {"orderId":"o"')],
    [
      'two references on a line',
      'MALFORMED_JSON',
      json({ orderId: 'o', lines: [{ productId: 'p', sku: 's' }] }),
    ],
    ['no order id', 'ORDER_ID_UNUSABLE', json({ products: [] })],
    ['an order id with a blank', 'ORDER_ID_UNUSABLE', json({ ...plain, orderId: 'o 1' })],
    ['a long order id', 'ORDER_ID_UNUSABLE', json({ ...plain, orderId: 'o'.repeat(65) })],
    [
      'protobuf without an order id',
      'ORDER_ID_UNUSABLE',
      wire(create(OrderSubmittedSchema, { customerId: 'c' })),
    ],
  ];
  test.each(cases)('%s: %s', (_, reason, value, headers = {}) => {
    expect(read(value, headers)).toMatchObject({ ok: false, reason, detail: expect.stringMatching(/./) });
  });

  test('by every declared reason', () => {
    expect(new Set(cases.map(([, reason]) => reason))).toEqual(new Set(Object.keys(unreadableReasons)));
  });

  test('whole JSON that is 400,000 levels deep is read, since what is deep is of no interest', () => {
    const value = utf8(`${nested(400_000)}${']'.repeat(400_000)},"products":[]}`);
    expect(submissionIn(value).orderId).toBe('o');
    const objects = `${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}`;
    expect(submissionIn(utf8(`{"orderId":"o","deep":${objects},"lines":[]}`)).orderId).toBe('o');
  });

  test('never by an exception, whatever the bytes', () => {
    const random = seeded(20_261_122);
    const seeds = [wire(), json(plain), utf8(toJsonString(OrderSubmittedSchema, message))];
    const types: Record<string, string>[] = [
      {},
      { 'content-type': 'application/json' },
      { 'content-type': 'application/protobuf' },
    ];
    let readable = 0;
    for (let round = 0; round < 20_000; round++) {
      const seed = seeds[random(seeds.length)] ?? wire();
      // Half are noise, half are good records with a few bytes changed.
      const value = round % 2 ? new Uint8Array(random(64)).map(() => random(256)) : Uint8Array.from(seed);
      if (round % 2 === 0) for (let i = random(4); i >= 0; i--) value[random(value.length)] = random(256);
      const result = read(value, types[random(types.length)]);
      if (result.ok) {
        readable++;
        expect(result.submission.orderId).toMatch(/^[A-Za-z0-9._:-]{1,64}$/);
      } else if (!(result.reason in unreadableReasons) || result.detail === '') {
        throw new Error(`no reason for ${Buffer.from(value).toString('hex')}`);
      }
    }
    expect(readable).toBeGreaterThan(100);
    expect(readable).toBeLessThan(10_000);
  });
});

/** The same whole numbers from 0 to `below` in every run. */
function seeded(seed: number): (below: number) => number {
  const random = seededRandom(seed);
  return (below) => (random() * 2 ** 32) % below;
}
