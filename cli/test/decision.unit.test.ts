import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import {
  EnrichedOrder_Outcome,
  EnrichedOrderSchema,
} from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import { expect, test } from 'vitest';
import { describe } from '../src/orders/decision.ts';

const common = {
  orderId: 'o-1',
  source: { topic: 'orders', partition: 2, offset: 17n },
  decideTime: timestampFromDate(new Date('2026-11-24T12:00:00Z')),
};

test('an accepted order: each line with its price, what the sender saw, and the sums', () => {
  const text = describe(
    create(EnrichedOrderSchema, {
      ...common,
      outcome: EnrichedOrder_Outcome.ACCEPTED,
      lines: [
        {
          product: { productId: 'p-1', sku: 'LAPTOP001' },
          quantity: 2n,
          unitPrice: toMoney(10_000n, 'USD'),
          quotedPrice: toMoney(9_900n, 'USD'),
          amount: toMoney(20_000n, 'USD'),
          freshness: { stale: true },
        },
      ],
      subtotal: toMoney(20_000n, 'USD'),
      tax: toMoney(1_600n, 'USD'),
      taxBasisPoints: 800,
      total: toMoney(21_600n, 'USD'),
    }),
  );
  expect(text.split('\n')).toEqual([
    'Decision: ACCEPTED 2026-11-24 12:00:00.000Z, of the record orders/2/17',
    'product  sku        quantity  price   seen as  amount',
    'p-1      LAPTOP001         2  100.00  99.00    200.00  stale',
    '  200.00 and 8 % tax 16.00: 216.00 USD',
  ]);
});

test('a rejected order: every reason, without control characters of a stranger', () => {
  const text = describe(
    create(EnrichedOrderSchema, {
      ...common,
      outcome: EnrichedOrder_Outcome.REJECTED,
      rejections: [
        { reason: 'CUSTOMER_NOT_FOUND', field: 'customer_id', message: 'no customer \u001b[31mc-0' },
        { reason: 'LINES_EMPTY', field: 'lines', message: 'the order has no lines' },
      ],
    }),
  );
  expect(text.split('\n')).toEqual([
    'Decision: REJECTED 2026-11-24 12:00:00.000Z, of the record orders/2/17',
    '  CUSTOMER_NOT_FOUND (customer_id): no customer \\x1b[31mc-0',
    '  LINES_EMPTY (lines): the order has no lines',
  ]);
});
