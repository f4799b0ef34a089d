import type { JsonObject } from '@bufbuild/protobuf';
import { readJsonOrder, readOrderRequest } from '@orderflow/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createOrderAdapter } from '../src/inbound/rest/create-order.ts';

const { readBody } = createOrderAdapter;

const id = fc.oneof(fc.constantFrom('p-1', 'x', '0'), fc.maxSafeInteger());
const quantity = fc.oneof(fc.integer(), fc.double(), fc.constantFrom('2', '1e2', null));
const price = fc.oneof(fc.double(), fc.integer(), fc.constantFrom('1.5', 0.29, null));
const either = <T>(names: readonly string[], value: fc.Arbitrary<T>) =>
  fc.tuple(fc.constantFrom(...names), value).map(([name, value]) => ({ [name]: value }));
const merged = (...parts: fc.Arbitrary<object>[]) =>
  fc.tuple(...parts).map((all) => Object.assign({}, ...all));

const product = merged(
  either(['product_id', 'productId', 'sku'], id),
  either(['quantity', 'name'], quantity),
  either(['price', 'name'], price),
);
const line = merged(
  either(['product_id', 'productId', 'sku'], id),
  fc.record({ quantity: fc.integer() }),
  either(
    ['quoted_price', 'quotedPrice'],
    fc.record({ units: fc.integer(), nanos: fc.constantFrom(0, 5e8, 1) }),
  ),
);
/** Orders that records and requests may both be. */
const order = merged(
  either(['order_id', 'orderId'], id),
  fc.oneof(
    either(['customer_id', 'customerId'], id),
    fc.record({ customer: either(['user_id', 'customerId', 'id'], id) }),
  ),
  fc.oneof(
    either(['items', 'products'], fc.array(product, { maxLength: 5 })),
    fc.record({ lines: fc.array(line, { maxLength: 5 }) }),
  ),
).chain((order) => fc.constantFrom(order, { order }));

test('a request is read as the same record is', () => {
  fc.assert(
    fc.property(order, (order) => {
      const text = JSON.stringify(order);
      const json = JSON.parse(text) as JsonObject;
      const { problems, orderId, customerId, lines } = readOrderRequest(json, text);
      expect(problems).toEqual([]);
      expect({ orderId, customerId, lines }).toEqual(readJsonOrder(text).submission);
    }),
    { numRuns: 2_000 },
  );
});

const names = fc.constantFrom(
  ...['order', 'order_id', 'orderId', 'customer', 'customer_id', 'user_id', 'items', 'products', 'lines'],
  ...[
    'sku',
    'product_id',
    'quantity',
    'price',
    'quoted_price',
    'amount',
    'units',
    'validate_only',
    '__proto__',
  ],
);
const { hostile } = fc.letrec<{ hostile: unknown }>((tie) => ({
  hostile: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom(null, 'p-1', '', '2', 1, -1, 0.5, 1e300, true, '\ud800', '\0'),
    fc.array(tie('hostile'), { maxLength: 3 }),
    fc.array(fc.tuple(names, tie('hostile')), { maxLength: 6 }).map((members) => Object.fromEntries(members)),
  ),
}));

test('any object is read, or named for what is wrong with it', () => {
  const object = fc.array(fc.tuple(names, hostile), { maxLength: 8 }).map(Object.fromEntries);
  fc.assert(
    fc.property(object, (value) => {
      const text = JSON.stringify(value);
      const { request, violations, nameOf } = readBody(JSON.parse(text), text);
      for (const { field, description, reason } of violations) {
        expect([typeof field, description, reason]).not.toContain('');
      }
      expect(Object.keys(request)).toContain('lines');
      expect(nameOf('lines[3].quantity')).toMatch(/^(order\.)?(lines|items|products)\[3\]\.quantity$/);
    }),
    { numRuns: 5_000 },
  );
});
