import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import { OrderAcceptedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import fc from 'fast-check';
import { BSON } from 'mongodb';
import { expect, test } from 'vitest';
import type { Accepted, EnrichedOrder } from '../src/domain/enriched-order.ts';
import { acceptedBytes } from '../src/outbound/kafka/accepted-bytes.ts';
import { withProgress } from '../src/outbound/mongo/decision-progress.ts';
import { documentBytes } from '../src/outbound/mongo/document-bytes.ts';
import { encodedDocument, takesEncodedDocuments } from '../src/outbound/mongo/encoded-elements.ts';
import { toDocument } from '../src/outbound/mongo/to-document.ts';
import { encodeEnrichedOrder } from '../src/outbound/postgres/enriched-order-bytes.ts';
import { encodeMessage } from '../src/outbound/postgres/enriched-order-codec.ts';

type AcceptedOrder = EnrichedOrder & { readonly decision: Accepted };

const maxInt64 = 2n ** 63n - 1n;
/** Also around the lengths at which a length takes another byte, or text is written otherwise. */
const text = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 5, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 50 }) },
  fc.string({ unit: 'binary', minLength: 30, maxLength: 140 }),
  fc.constantFrom('x'.repeat(127), 'x'.repeat(128), 'é'.repeat(64), '\0', '\ud800'),
);
const amount = fc.oneof(
  fc.bigInt({ min: 0n, max: 1_000_000n }),
  fc.bigInt({ min: -maxInt64, max: maxInt64 }),
  fc.constantFrom(0n, 99n, 100n, BigInt(Number.MAX_SAFE_INTEGER), BigInt(Number.MAX_SAFE_INTEGER) + 1n),
);
const time = fc.oneof(
  fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
  fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
);
const int64 = fc.oneof(fc.nat().map(BigInt), fc.bigInt({ min: 0n, max: maxInt64 }));
const freshness = fc.record({ fetchTime: time, stale: fc.boolean() });
const customer = fc.record({
  customer: fc.record({
    customerId: text,
    name: text,
    email: text,
    active: fc.boolean(),
    version: int64,
  }),
  freshness,
});
const product = fc.record({
  productId: text,
  sku: text,
  name: text,
  // The longest makes the buffer grow.
  description: fc.oneof({ weight: 20, arbitrary: text }, fc.constant('🦄'.repeat(40_000))),
  price: amount,
  retired: fc.boolean(),
  version: int64,
});
const line = fc.record({
  product,
  freshness,
  quantity: fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.nat()),
  quotedPrice: fc.option(amount, { nil: undefined }),
  amount,
});
const quotedPrice = fc.oneof(
  fc.record({ amount, currency: fc.option(text, { nil: undefined }) }),
  fc.record({ amount: fc.constant(undefined), text }),
);
const submittedLine = fc.record({
  reference: fc.option(fc.record({ by: fc.constantFrom('sku', 'product_id'), value: text }), {
    nil: undefined,
  }),
  quantity: fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.integer(), fc.double()),
  quotedPrice: fc.option(quotedPrice, { nil: undefined }),
});
const submission = fc.record({
  orderId: text,
  customerId: text,
  lines: fc.oneof(
    { weight: 20, arbitrary: fc.array(submittedLine, { maxLength: 12 }) },
    submittedLine.map((one) => Array.from({ length: 201 }, () => one)),
  ),
});
const accepted: fc.Arbitrary<AcceptedOrder> = fc.record({
  orderId: text,
  submission,
  source: fc.record({
    topic: text,
    partition: fc.nat(),
    offset: int64,
    format: fc.constantFrom('protobuf', 'protobuf_json', 'plain_json'),
    recordTime: time,
  }),
  customer: fc.option(customer, { nil: undefined }),
  lines: fc.array(line, { maxLength: 12 }),
  taxBasisPoints: fc.oneof(fc.nat({ max: 10_000 }), fc.nat()),
  currency: fc.oneof(fc.constant('USD'), text),
  decideTime: time,
  decision: fc.record({
    outcome: fc.constant('ACCEPTED'),
    subtotal: amount,
    tax: amount,
    total: amount,
  }),
});

/** Twice each: the second time with the bytes of customer and products that the first has left. */
function forEachOrder(check: (order: AcceptedOrder) => void): void {
  fc.assert(
    fc.property(accepted, (order) => {
      check(order);
      check({ ...order, currency: `${order.currency}X` });
      check(order);
    }),
    { numRuns: 300 },
  );
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('the driver takes documents that are encoded', () => {
  expect(takesEncodedDocuments).toBe(true);
});

test('the bytes of a document are those that the driver makes of the objects', () => {
  forEachOrder((order) => {
    const encoded = BSON.serialize(encodedDocument(order.orderId, documentBytes(order, order.decision)));
    expect(hex(encoded)).toBe(hex(BSON.serialize(withProgress(toDocument(order)))));
  });
});

test('the bytes in the history are those of the message', () => {
  forEachOrder((order) => {
    expect(hex(encodeEnrichedOrder(order))).toBe(hex(encodeMessage(order)));
  });
});

test('the bytes of OrderAccepted are those of the message', () => {
  forEachOrder((order) => {
    const { currency, decision } = order;
    const message = create(OrderAcceptedSchema, {
      orderId: order.orderId,
      version: 3n,
      customerId: order.submission.customerId,
      lines: order.lines.map((one) => ({
        productId: one.product.productId,
        quantity: BigInt(one.quantity),
        unitPrice: toMoney(one.product.price, currency),
      })),
      subtotal: toMoney(decision.subtotal, currency),
      tax: toMoney(decision.tax, currency),
      total: toMoney(decision.total, currency),
      decideTime: timestampFromDate(order.decideTime),
    });
    expect(hex(acceptedBytes(order, decision, 3))).toBe(hex(toBinary(OrderAcceptedSchema, message)));
  });
});
