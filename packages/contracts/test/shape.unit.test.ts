import { create, fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import { ErrorInfoSchema } from '../src/gen/google/rpc/error_details_pb.ts';
import { BatchGetProductsRequestSchema } from '../src/gen/orderflow/enrichment/v1/product_service_pb.ts';
import { OrderSubmittedSchema } from '../src/gen/orderflow/order/event/v1/order_submitted_pb.ts';
import {
  CreateOrderRequestSchema,
  ListOrdersRequestSchema,
} from '../src/gen/orderflow/order/v1/order_service_pb.ts';
import {
  checkJsonShape,
  checkWireShape,
  decodeMessage,
  maxElements,
  maxJsonValues,
  ShapeError,
} from '../src/index.ts';

const lines = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    reference: { case: 'sku' as const, value: `SKU-${index}` },
    quantity: 2n,
    quotedPrice: { currencyCode: 'USD', units: 12n, nanos: 990_000_000 },
  }));
const order = (count: number) => create(CreateOrderRequestSchema, { customerId: 'c-1', lines: lines(count) });
const bytesOf = (...hex: string[]) => Buffer.from(hex.join(''), 'hex');

/** The error of a check that must fail; what it names and why. */
function refusal(check: () => void): [field: string, rule: string | undefined, description: string] {
  try {
    check();
  } catch (error) {
    if (error instanceof ShapeError) return [error.field, error.rule, error.description];
    throw error;
  }
  throw new Error('nothing was found');
}

const wire = (bytes: Uint8Array) => refusal(() => checkWireShape(CreateOrderRequestSchema, bytes));
const json = (text: string) => refusal(() => checkJsonShape(CreateOrderRequestSchema, Buffer.from(text)));

describe('protobuf', () => {
  test('a message with as many elements as its contract allows passes', () => {
    checkWireShape(CreateOrderRequestSchema, toBinary(CreateOrderRequestSchema, order(200)));
  });

  test('one element more is refused as the rule of the contract would', () => {
    const bytes = toBinary(CreateOrderRequestSchema, order(201));
    expect(wire(bytes)).toEqual(['lines', 'repeated.max_items', 'must contain no more than 200 item(s)']);
  });

  test('where the contract has no rule 1,000 elements are taken', () => {
    const submitted = (count: number) =>
      toBinary(OrderSubmittedSchema, create(OrderSubmittedSchema, { lines: lines(count) }));
    checkWireShape(OrderSubmittedSchema, submitted(1000));
    expect(refusal(() => checkWireShape(OrderSubmittedSchema, submitted(1001)))[0]).toBe('lines');
  });

  test('entries of a map are counted', () => {
    const info = (count: number) =>
      toBinary(
        ErrorInfoSchema,
        create(ErrorInfoSchema, {
          metadata: Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v'])),
        }),
      );
    checkWireShape(ErrorInfoSchema, info(1000));
    expect(refusal(() => checkWireShape(ErrorInfoSchema, info(1001))).slice(0, 2)).toEqual([
      'metadata',
      'map.max_pairs',
    ]);
  });

  test('fields that are unknown, groups among them, pass and are not kept', () => {
    const known = toBinary(CreateOrderRequestSchema, order(2));
    // Field 1000, and a group 1000 with a group 1001 in it.
    const unknown = bytesOf('c03e07', 'c33e', 'cb3e', '08ff01', 'cc3e', 'c43e');
    const decoded = decodeMessage(CreateOrderRequestSchema, Buffer.concat([unknown, known, unknown]));
    expect(decoded).toEqual(order(2));
  });

  // What a lenient decoder accepts: each of these hides lines from a strict count.
  const hidden = Buffer.alloc(2000, bytesOf('1a00'));
  test.each([
    ['a number sent as text, whose length hides lines', Buffer.concat([bytesOf('22d00f'), hidden])],
    ['a line that ends within its SKU', Buffer.concat([bytesOf('1a02', '1206', 'a206d00f'), hidden])],
    ['lines sent as numbers', Buffer.alloc(2000, bytesOf('1800'))],
    ['a group that does not end', bytesOf('c33e')],
    ['a group that is ended as another', bytesOf('c33e', 'cc3e')],
    ['groups in groups', Buffer.alloc(400, bytesOf('c33e'))],
    ['the field number 0', bytesOf('0000')],
    ['a wire type that is none', bytesOf('c73e')],
    ['a length past the end', bytesOf('120a')],
    ['a length of more than 32 bits', bytesOf('12ffffffff7f')],
    ['a number of eleven bytes', bytesOf('20', 'ff'.repeat(10), '01')],
  ])('not built as the contract says: %s', (_what, bytes) => {
    expect(wire(bytes)[1]).toBeUndefined();
  });

  test('it counts what the decoder finds: mutated requests that pass have no more lines than the contract allows', () => {
    const [seed, valid] = [20_260_101, toBinary(CreateOrderRequestSchema, order(190))];
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % below;
    };
    let passed = 0;
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.concat([valid, Buffer.alloc(2 * random(30), bytesOf('1a00'))]);
      for (let change = 0; change < 1 + random(3); change++) bytes[random(bytes.length)] = random(256);
      try {
        checkWireShape(CreateOrderRequestSchema, bytes);
      } catch {
        continue;
      }
      passed++;
      try {
        expect(fromBinary(CreateOrderRequestSchema, bytes).lines.length).toBeLessThanOrEqual(200);
      } catch (error) {
        // Strings are not checked here.
        if (!String(error).includes('UTF-8') && !(error instanceof TypeError)) throw error;
      }
    }
    expect(passed).toBeGreaterThan(200);
  });

  test('parts of one message are merged, so their elements are added up', () => {
    const part = new BinaryWriter().tag(1, WireType.LengthDelimited).string('a').finish();
    const mask = Buffer.alloc(part.length * 1001, part);
    expect(refusal(() => checkWireShape(FieldMaskSchema, mask))[0]).toBe('paths');
  });
});

describe('JSON', () => {
  test('a message with as many elements as its contract allows passes, also in blanks and escapes', () => {
    const text = toJsonString(CreateOrderRequestSchema, order(200), { prettySpaces: 8 });
    checkJsonShape(CreateOrderRequestSchema, Buffer.from(text.replaceAll('sku', '\\u0073ku')));
  });

  test.each([
    ['by its name', 'lines'],
    ['with an escape in its name', 'l\\u0069nes'],
  ])('one element more is refused as the rule of the contract would, %s', (_how, name) => {
    expect(json(`{"customerId":"c","${name}" : [${'{},'.repeat(200)}{}]}`)).toEqual([
      'lines',
      'repeated.max_items',
      'must contain no more than 200 item(s)',
    ]);
  });

  test('commas, brackets and quotes in texts are no elements', () => {
    const text = `{"customerId":"${',[{'.repeat(10_000)}","lines":[{"sku":"\\"],{\\\\"}]}`;
    checkJsonShape(CreateOrderRequestSchema, Buffer.from(text));
  });

  test.each([
    ['of an unknown array', `{"x":[${'0,'.repeat(50_000)}0]}`, 'x'],
    ['of objects', `{"x":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`, 'x.a.a.a.a.a.a.a'],
    ['of arrays in arrays', `[`.repeat(400_000), '[0][0][0][0][0][0][0][0]'],
    ['of members', `{${'"a":1,'.repeat(50_000)}"b":1}`, ''],
  ])('too many values are refused: %s', (_what, text, field) => {
    expect(json(text).slice(0, 2)).toEqual([field, 'json.max_values']);
  });

  test('what has nothing to do with lists may have as many values as several of these messages', () => {
    expect(maxJsonValues(CreateOrderRequestSchema)).toBe(1000 + 200 * 32);
    expect(maxElements(BatchGetProductsRequestSchema)).toBe(400);
  });

  test('a number that takes long to read is refused', () => {
    const text = `{"lines":[{},{"quantity":"${'1'.repeat(800_000)}"}]}`;
    expect(json(text).slice(0, 2)).toEqual(['lines[1].quantity', undefined]);
  });

  test.each(['', '{', '{"a', '"', '\\', ']', '}}}}', '{"a":"\\', 'nonsense,,,[', '{"lines":[{"sku":"a"'])(
    'what is no JSON is left to the parser: %s',
    (text) => checkJsonShape(CreateOrderRequestSchema, Buffer.from(text)),
  );
});

describe('texts of JSON that the decoder would take for something else', () => {
  const check = (text: string) => checkJsonShape(ListOrdersRequestSchema, Buffer.from(text));

  test.each([
    ['{"state":"PENDNG"}', 'state', /^must be one of STATE_UNSPECIFIED, .*STATE_PENDING/],
    ['{"st\\u0061te":"pending"}', 'state', /^must be one of/],
    ['{"state":""}', 'state', /^must be one of/],
    ['{"createTimeFrom":"2025-02-30T00:00:00Z"}', 'create_time_from', /does not exist/],
    ['{"create_time_to":"2025-02-28T24:00:00Z"}', 'create_time_to', /does not exist/],
    ['{"createTimeTo":"2025-00-28T00:00:00Z"}', 'create_time_to', /does not exist/],
  ])('%s', (text, field, description) => {
    const [found, rule, why] = refusal(() => check(text));
    expect([found, rule]).toEqual([field, undefined]);
    expect(why).toMatch(description);
  });

  test('names of enums are left to the conversion of the JSON, dates are not', () => {
    const check = (text: string) => checkJsonShape(ListOrdersRequestSchema, Buffer.from(text), 'any');
    check('{"state":"PENDING"}');
    expect(refusal(() => check('{"createTimeFrom":"2026-02-30T00:00:00Z"}'))[0]).toBe('create_time_from');
  });

  test.each([
    '{"state":"STATE_PENDING","createTimeFrom":"2024-02-29T23:59:59.999999999Z"}',
    '{"state":"STATE_\\u0050ENDING"}',
    '{"state":1,"createTimeFrom":null}',
    '{"stat":"PENDNG","customerId":"2025-02-30T00:00:00Z"}',
    // What is no time at all the decoder says.
    '{"createTimeFrom":"yesterday"}',
  ])('%s passes', (text) => check(text));
});
