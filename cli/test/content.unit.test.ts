import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import {
  type OrderSubmitted,
  OrderSubmittedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { SubmissionSchema } from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import { describe, expect, test } from 'vitest';
import { contentOfRecord, contentOfSubmission } from '../src/check/content.ts';

const product = (value: string) => ({ case: 'productId' as const, value });
const order = (lines: readonly (readonly [string, bigint])[], customerId = 'c-1'): OrderSubmitted =>
  create(OrderSubmittedSchema, {
    orderId: 'o-1',
    customerId,
    lines: lines.map(([id, quantity]) => ({ reference: product(id), quantity })),
  });
const protobuf = (message: OrderSubmitted) =>
  contentOfRecord(Buffer.from(toBinary(OrderSubmittedSchema, message)), {}).content;
const json = (value: unknown) => contentOfRecord(Buffer.from(JSON.stringify(value)), {}).content;

const wanted = contentOfSubmission(
  order([
    ['p-1', 3n],
    ['p-2', 1n],
  ]),
);

describe('the same order', () => {
  test('in every format, as its decision holds it, its lines split and in another order', () => {
    expect(wanted).toBeDefined();
    expect(
      protobuf(
        order([
          ['p-2', 1n],
          ['p-1', 1n],
          ['p-1', 2n],
        ]),
      ),
    ).toBe(wanted);
    expect(
      contentOfRecord(
        Buffer.from(
          toJsonString(
            OrderSubmittedSchema,
            order([
              ['p-1', 3n],
              ['p-2', 1n],
            ]),
          ),
        ),
        { 'content-type': 'application/json' },
      ).content,
    ).toBe(wanted);
    expect(
      json({
        orderId: 'o-1',
        customerId: 'c-1',
        products: [{ productId: 'p-1', quantity: 3 }, { productId: 'p-2' }],
      }),
    ).toBe(wanted);
    const submission = create(SubmissionSchema, {
      customerId: 'c-1',
      lines: [
        { reference: product('p-1'), quantity: 3 },
        { reference: product('p-2'), quantity: 1 },
      ],
    });
    expect(contentOfSubmission(submission)).toBe(wanted);
  });
});

describe('another order', () => {
  test('of another customer, quantity or product, or of a product named by its sku', () => {
    const others = [
      protobuf(
        order(
          [
            ['p-1', 3n],
            ['p-2', 1n],
          ],
          'c-2',
        ),
      ),
      protobuf(
        order([
          ['p-1', 3n],
          ['p-2', 2n],
        ]),
      ),
      protobuf(
        order([
          ['p-1', 3n],
          ['p-3', 1n],
        ]),
      ),
      json({ customerId: 'c-1', products: [{ productId: 'p-1', quantity: 3 }, { sku: 'p-2' }] }),
    ];
    expect(new Set([wanted, ...others]).size).toBe(5);
  });
});

test('what lies around the order does not matter, at any depth', () => {
  const nested = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
  const order = `{"orderId":"o-1","customerId":"c-1","lines":[{"productId":"p-1","quantity":3},{"productId":"p-2","quantity":"1"}],"x":${nested}}`;
  expect(contentOfRecord(Buffer.from(order), {})).toEqual({ orderId: 'o-1', content: wanted });
});

test('content that says nothing can only be compared by its bytes', () => {
  expect(protobuf(order([]))).toBeUndefined();
  expect(protobuf(order([['p-1', 1n]], ''))).toBeUndefined();
  expect(protobuf(order([['p-1', 0n]]))).toBeUndefined();
  expect(json({ customerId: 'c-1', products: [{ productId: 'p-1', quantity: 1.5 }] })).toBeUndefined();
  expect(json({ customerId: 'c-1', products: [{ quantity: 1 }] })).toBeUndefined();
  expect(json({ customerId: 'c-1', products: null })).toBeUndefined();
  const unreadable = { orderId: undefined, content: undefined };
  expect(contentOfRecord(Buffer.from('{nonsense'), {})).toEqual(unreadable);
  expect(contentOfRecord(null, {})).toEqual(unreadable);
});
