import { describe, expect, test } from 'vitest';
import type { Customer, Lookup, Product } from '../src/domain/enrichment.ts';
import { judge, needs } from '../src/domain/judge.ts';
import { taxOn } from '../src/domain/pricing.ts';
import { type RejectionReason, rejectionReasons } from '../src/domain/rejection.ts';
import type { ProductReference, QuotedPrice, Submission } from '../src/domain/submission.ts';
import {
  byId,
  bySku,
  copied,
  customer,
  decide,
  found,
  knownProduct,
  line,
  productOf,
  submission,
  terms,
} from './kit.ts';

interface World {
  customer?: Lookup<Customer>;
  product?: (reference: ProductReference) => Lookup<Product>;
}

function verdictOn(sent: Submission, world: World = {}) {
  const lookups = {
    customer: () => world.customer ?? found(customer()),
    product: world.product ?? knownProduct,
  };
  return judge(sent, lookups, terms);
}

function problems(sent: Submission, world: World = {}): [RejectionReason, string][] {
  const { decision } = decide(sent, world);
  return decision.outcome === 'REJECTED' ? decision.rejections.map((r) => [r.reason, r.field]) : [];
}

const priced = (quotedPrice: QuotedPrice) => submission({ lines: [line({ quotedPrice })] });
const retired = () => found(productOf('p-1', { retired: true }));
const long = 'x'.repeat(257);

describe('an order is rejected', () => {
  const cases: [string, RejectionReason, string, Submission, World?][] = [
    ['without a customer id', 'CUSTOMER_ID_INVALID', 'customer_id', submission({ customerId: '' })],
    ['with a customer id too long', 'CUSTOMER_ID_INVALID', 'customer_id', submission({ customerId: long })],
    [
      'with a NUL in the customer id',
      'CUSTOMER_ID_INVALID',
      'customer_id',
      submission({ customerId: 'c\0' }),
    ],
    [
      'of an unknown customer',
      'CUSTOMER_NOT_FOUND',
      'customer_id',
      submission(),
      { customer: { status: 'not_found' } },
    ],
    [
      'of an inactive customer',
      'CUSTOMER_INACTIVE',
      'customer_id',
      submission(),
      { customer: found(customer({ active: false })) },
    ],
    ['without lines', 'LINES_EMPTY', 'lines', submission({ lines: [] })],
    ['with 201 lines', 'TOO_MANY_LINES', 'lines', submission({ lines: Array(201).fill(line()) })],
    [
      'with a line that names no product',
      'PRODUCT_REFERENCE_INVALID',
      'lines[1]',
      submission({ lines: [line(), line({ reference: undefined })] }),
    ],
    [
      'with an empty product id',
      'PRODUCT_REFERENCE_INVALID',
      'lines[0].product_id',
      submission({ lines: [line({ reference: byId('') })] }),
    ],
    [
      'with a line feed in a SKU',
      'PRODUCT_REFERENCE_INVALID',
      'lines[0].sku',
      submission({ lines: [line({ reference: bySku('A\nB') })] }),
    ],
    [
      'for an unknown product',
      'PRODUCT_NOT_FOUND',
      'lines[0].product_id',
      submission(),
      { product: () => ({ status: 'not_found' }) },
    ],
    ['for a retired product', 'PRODUCT_RETIRED', 'lines[0].product_id', submission(), { product: retired }],
    ...[0, -1, 1.5, 10_001, Number.NaN, Number.POSITIVE_INFINITY].map(
      (quantity): [string, RejectionReason, string, Submission] => [
        `with quantity ${quantity}`,
        'QUANTITY_INVALID',
        'lines[0].quantity',
        submission({ lines: [line({ quantity })] }),
      ],
    ),
    [
      'with a negative quoted price',
      'QUOTED_PRICE_INVALID',
      'lines[0].quoted_price',
      priced({ amount: -1n, currency: undefined }),
    ],
    [
      'with a price quoted in another currency',
      'QUOTED_PRICE_INVALID',
      'lines[0].quoted_price',
      priced({ amount: 1n, currency: 'EUR' }),
    ],
    [
      'with a quoted price that is not an amount of money',
      'QUOTED_PRICE_INVALID',
      'lines[0].quoted_price',
      priced({ amount: undefined, text: '999.999' }),
    ],
  ];
  test.each(cases)('%s: %s at %s', (_, reason, field, sent, world = {}) => {
    expect(problems(sent, world)).toEqual([[reason, field]]);
  });

  test('for every declared reason', () => {
    expect(new Set(cases.map(([, reason]) => reason))).toEqual(new Set(Object.keys(rejectionReasons)));
  });

  test('for all of its problems together', () => {
    const sent = submission({
      lines: [
        line({ reference: undefined, quantity: 0, quotedPrice: { amount: -5n, currency: 'EUR' } }),
        line({ reference: bySku('gone'), quantity: 10_001 }),
        line({ reference: byId('old') }),
      ],
    });
    const world: World = {
      customer: found(customer({ active: false })),
      product: ({ value }) =>
        value === 'gone' ? { status: 'not_found' } : found(productOf(value, { retired: true })),
    };
    expect(problems(sent, world)).toEqual([
      ['CUSTOMER_INACTIVE', 'customer_id'],
      ['QUOTED_PRICE_INVALID', 'lines[0].quoted_price'],
      ['QUANTITY_INVALID', 'lines[0].quantity'],
      ['PRODUCT_REFERENCE_INVALID', 'lines[0]'],
      ['QUANTITY_INVALID', 'lines[1].quantity'],
      ['PRODUCT_NOT_FOUND', 'lines[1].sku'],
      ['PRODUCT_RETIRED', 'lines[2].product_id'],
    ]);
  });

  test('with messages that show what was sent, shortened and on one line', () => {
    const { decision } = decide(submission({ customerId: `${'\n'}${'x'.repeat(300)}` }));
    if (decision.outcome !== 'REJECTED') throw new Error('accepted');
    const message = decision.rejections[0]?.message ?? '';
    expect(message).toContain('(301 characters)');
    expect(message).not.toContain('\n');
    expect(message.length).toBeLessThan(200);
  });
});

describe('what must be known', () => {
  test('is the customer and each product that something can be called by', () => {
    const lines = [line(), line({ reference: bySku('A') }), line({ reference: byId(long) })];
    expect(needs(submission({ lines }))).toEqual({ customers: ['c-1'], products: [byId('p-1'), bySku('A')] });
    expect(needs(submission({ customerId: '', lines: [] }))).toEqual({ customers: [], products: [] });
  });

  test('is no product of an order with too many lines, which gets one short rejection', () => {
    const lines = Array.from({ length: 50_000 }, () => line({ reference: undefined, quantity: -1 }));
    expect(needs(submission({ lines })).products).toEqual([]);
    expect(problems(submission({ lines }))).toEqual([['TOO_MANY_LINES', 'lines']]);
  });
});

describe('what is not known for sure', () => {
  const inactive = customer({ active: false });

  test('a cache entry may accept', () => {
    const world: World = {
      customer: copied(customer(), { stale: true }),
      product: () => copied(productOf('p-1'), { stale: true }),
    };
    expect(problems(submission(), world)).toEqual([]);
  });

  test('a negative in a cache entry is to be confirmed: everything that speaks against the order, and nothing else', () => {
    const lines = ['p-1', 'p-2', 'p-3'].map((id) => line({ reference: byId(id) }));
    const world: World = {
      customer: copied(inactive),
      product: ({ value }) => copied(productOf(value, { retired: value !== 'p-2' })),
    };
    expect(verdictOn(submission({ lines }), world)).toEqual({
      kind: 'confirm',
      customers: ['c-1'],
      products: [byId('p-1'), byId('p-3')],
    });
  });

  test('a confirmed negative rejects without asking again', () => {
    expect(problems(submission(), { customer: found(inactive), product: retired })).toEqual([
      ['CUSTOMER_INACTIVE', 'customer_id'],
      ['PRODUCT_RETIRED', 'lines[0].product_id'],
    ]);
  });

  test('while something cannot be asked the order waits, even if it will be rejected anyway', () => {
    const unavailable = { status: 'unavailable', cause: 'down' } as const;
    expect(verdictOn(submission(), { product: () => unavailable })).toEqual({ kind: 'wait', cause: 'down' });
    const rejectedAnyway = submission({ lines: [] });
    expect(verdictOn(rejectedAnyway, { customer: unavailable })).toEqual({ kind: 'wait', cause: 'down' });
  });

  test('an invalid response of the API takes precedence over an outage: waiting would not repair it', () => {
    const world: World = {
      customer: { status: 'unavailable', cause: 'down' },
      product: () => ({ status: 'invalid', cause: 'nonsense' }),
    };
    expect(verdictOn(submission(), world)).toEqual({ kind: 'invalid', cause: 'nonsense' });
  });
});

describe('lines of the same product', () => {
  const quantities = (...values: number[]) =>
    submission({
      lines: values.map((quantity, i) =>
        line({ reference: i % 2 ? bySku('SKU-p-1') : byId('p-1'), quantity }),
      ),
    });

  test('are added up, also when named once by id and once by SKU', () => {
    const sent = submission({
      lines: [
        line({ quantity: 2 }),
        line({ reference: byId('p-2') }),
        line({ reference: bySku('SKU-p-1'), quantity: 3 }),
      ],
    });
    const { lines } = decide(sent);
    expect(lines.map((l) => [l.product.productId, l.quantity, l.amount])).toEqual([
      ['p-1', 5, 499_995n],
      ['p-2', 1, 99_999n],
    ]);
  });

  test('have the limit of 10,000 together', () => {
    expect(problems(quantities(4_000, 6_000))).toEqual([]);
    expect(problems(quantities(4_000, 6_001))).toEqual([['QUANTITY_INVALID', 'lines[1].quantity']]);
  });

  test('with a bad quantity are not counted towards the limit', () => {
    expect(problems(quantities(10_000, -1))).toEqual([['QUANTITY_INVALID', 'lines[1].quantity']]);
  });

  test('keep the first quoted price', () => {
    const quote = (amount: bigint) => line({ quotedPrice: { amount, currency: 'USD' } });
    expect(decide(submission({ lines: [line(), quote(5n), quote(6n)] })).lines[0]?.quotedPrice).toBe(5n);
  });
});

describe('prices', () => {
  test('are the catalogue’s; what the sender saw is only kept', () => {
    const order = decide(priced({ amount: 1n, currency: 'USD' }));
    expect(order.lines[0]).toMatchObject({ quotedPrice: 1n, amount: 99_999n });
    expect(order.decision).toEqual({
      outcome: 'ACCEPTED',
      subtotal: 99_999n,
      tax: 8_000n,
      total: 107_999n,
    });
  });

  test.each([
    [0n, 800, 0n],
    [6n, 800, 0n],
    [7n, 800, 1n],
    [100n, 50, 1n],
    [99n, 50, 0n],
    [12_345n, 0, 0n],
    [12_345n, 10_000, 12_345n],
    [2_000_000_000_000_000_001n, 5_000, 1_000_000_000_000_000_001n],
  ])('tax on %s at %s basis points is %s: half up, and exact', (subtotal, basisPoints, tax) => {
    expect(taxOn(subtotal, basisPoints)).toBe(tax);
  });

  test('tax is on the subtotal, not on each line', () => {
    // 8 % of 4 is 0.32 each, of 8 it is 0.64.
    const world: World = { product: ({ value }) => found(productOf(value, { price: 4n })) };
    const lines = [line(), line({ reference: byId('p-2') })];
    expect(decide(submission({ lines }), world).decision).toMatchObject({ subtotal: 8n, tax: 1n, total: 9n });
  });
});
