import { fromBinary } from '@bufbuild/protobuf';
import { EnrichedOrderSchema } from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import { describe, expect, test } from 'vitest';
import type { EnrichedOrder } from '../src/domain/enriched-order.ts';
import { toDocument } from '../src/outbound/mongo/to-document.ts';
import { encodeEnrichedOrder } from '../src/outbound/postgres/enriched-order-bytes.ts';
import { decodeEnrichedOrder } from '../src/outbound/postgres/enriched-order-codec.ts';
import { byId, bySku, copied, customer, decide, found, line, productOf, source, submission } from './kit.ts';

const accepted = decide(
  submission({
    lines: [
      line({ quantity: 2, quotedPrice: { amount: 99_999n, currency: undefined } }),
      line({ reference: bySku('SKU-p-2'), quotedPrice: { amount: 5n, currency: 'USD' } }),
    ],
  }),
  { customer: copied(customer(), { stale: true }) },
  source({ format: 'plain_json', offset: 2n ** 60n, partition: 2 }),
);
const nothingRight = decide(
  submission({
    customerId: '',
    lines: [
      line({ reference: undefined, quantity: -1.5, quotedPrice: { amount: undefined, text: '1e+300' } }),
      line({ quantity: Number.POSITIVE_INFINITY, quotedPrice: { amount: -1n, currency: 'EUR' } }),
      line({ quantity: Number.NaN, reference: byId('p-9') }),
      line({ quantity: 2 ** 60 }),
    ],
  }),
  {
    product: ({ value }) =>
      value === 'p-9' ? { status: 'not_found' } : found(productOf(value, { retired: true, version: 0n })),
  },
  source({ format: 'protobuf_json', recordTime: new Date(-1) }),
);
const orders: [string, EnrichedOrder][] = [
  ['an accepted order', accepted],
  ['an order with nothing right', nothingRight],
  [
    'an order of an inactive customer',
    decide(submission(), { customer: found(customer({ active: false })) }),
  ],
  ['an order without lines', decide(submission({ lines: [] }), {}, source({ format: 'protobuf' }))],
  ['an order with too many lines', decide(submission({ lines: Array(201).fill(line()) }))],
  ['an order with text in many scripts', decide(submission({ customerId: 'Žofie 🦄 \0\n' }))],
];

describe('the bytes in the history', () => {
  test.each(orders)('return %s', (_, order) => {
    expect(decodeEnrichedOrder(encodeEnrichedOrder(order))).toEqual(order);
  });

  test.each(orders)('give the same document for %s', (_, order) => {
    expect(toDocument(decodeEnrichedOrder(encodeEnrichedOrder(order)))).toEqual(toDocument(order));
  });

  test('represent the same cache entry as fresh or stale, and in its currency, as each order used it', () => {
    const ada = customer();
    const used = [false, true, false].map((stale) =>
      decide(submission(), { customer: copied(ada, { stale }) }),
    );
    const [dollars] = used as [EnrichedOrder];
    for (const order of [...used, { ...dollars, currency: 'EUR' }, dollars]) {
      expect(decodeEnrichedOrder(encodeEnrichedOrder(order))).toEqual(order);
      expect(toDocument(order).customer?.stale).toBe(order.customer?.freshness.stale);
    }
    const euros = fromBinary(EnrichedOrderSchema, encodeEnrichedOrder({ ...dollars, currency: 'EUR' }));
    expect(euros.lines[0]?.unitPrice?.currencyCode).toBe('EUR');
  });

  test('that are something else are an error', () => {
    expect(() => decodeEnrichedOrder(new Uint8Array())).toThrow('not the bytes of an enriched order');
  });
});

describe('the document', () => {
  test('shows an accepted order so that a person can read it', () => {
    expect(toDocument(accepted)).toEqual({
      _id: 'o-1',
      outcome: 'ACCEPTED',
      decide_time: accepted.decideTime,
      currency: 'USD',
      customer: {
        customer_id: 'c-1',
        name: 'Ada',
        email: 'ada@example.com',
        active: true,
        version: 3n,
        fetch_time: new Date('2026-11-22T11:30:00.000Z'),
        stale: true,
      },
      lines: [
        {
          product: expect.objectContaining({
            product_id: 'p-1',
            sku: 'SKU-p-1',
            retired: false,
            stale: false,
          }),
          quantity: 2,
          unit_price: '999.99',
          quoted_price: '999.99',
          amount: '1999.98',
        },
        {
          product: expect.objectContaining({ product_id: 'p-2', name: 'Product p-2', version: 5n }),
          quantity: 1,
          unit_price: '999.99',
          quoted_price: '0.05',
          amount: '999.99',
        },
      ],
      subtotal: '2999.97',
      tax: '240.00',
      tax_rate: '8 %',
      total: '3239.97',
      submission: {
        customer_id: 'c-1',
        line_count: 2,
        lines: [
          { product_id: 'p-1', quantity: 2, quoted_price: '999.99' },
          { sku: 'SKU-p-2', quantity: 1, quoted_price: '0.05 USD' },
        ],
      },
      source: {
        topic: 'orders',
        partition: 2,
        offset: 2n ** 60n,
        format: 'plain_json',
        record_time: accepted.source.recordTime,
      },
    });
  });

  test('of a rejected order has every reason, what was sent, and no sums', () => {
    const document = toDocument(nothingRight);
    expect(document.rejections?.map(({ reason }) => reason)).toEqual([
      'CUSTOMER_ID_INVALID',
      'QUOTED_PRICE_INVALID',
      'QUANTITY_INVALID',
      'PRODUCT_REFERENCE_INVALID',
      'QUOTED_PRICE_INVALID',
      'QUANTITY_INVALID',
      'PRODUCT_RETIRED',
      'QUANTITY_INVALID',
      'PRODUCT_NOT_FOUND',
      'QUANTITY_INVALID',
      'PRODUCT_RETIRED',
    ]);
    expect(document).not.toHaveProperty('customer');
    expect(document).not.toHaveProperty('total');
    expect(document.submission.lines[0]).toEqual({ quantity: -1.5, quoted_price: '1e+300' });
    expect(document.submission.lines[1]).toMatchObject({ quoted_price: '-0.01 EUR' });
  });

  test('shows at most 200 lines of a submission, and how many there were', () => {
    const { submission: shown } = toDocument(decide(submission({ lines: Array(5_000).fill(line()) })));
    expect(shown.line_count).toBe(5_000);
    expect(shown.lines).toHaveLength(200);
  });
});
