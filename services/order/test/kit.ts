import type { EnrichedOrder } from '../src/domain/enriched-order.ts';
import type { Customer, Lookup, Product } from '../src/domain/enrichment.ts';
import type { Terms } from '../src/domain/judge.ts';
import { judge } from '../src/domain/judge.ts';
import type {
  ProductReference,
  Submission,
  SubmissionSource,
  SubmittedLine,
} from '../src/domain/submission.ts';

export const now = new Date('2026-11-22T12:00:00.123Z');
export const terms: Terms = { currency: 'USD', taxBasisPoints: 800 };

export const byId = (value: string): ProductReference => ({ by: 'product_id', value });
export const bySku = (value: string): ProductReference => ({ by: 'sku', value });

/** One piece of the product p-1, unless said otherwise. */
export function line(change: Partial<SubmittedLine> = {}): SubmittedLine {
  return { reference: byId('p-1'), quantity: 1, quotedPrice: undefined, ...change };
}

/** Order o-1 of customer c-1 for one piece of p-1. */
export function submission(change: Partial<Submission> = {}): Submission {
  return { orderId: 'o-1', customerId: 'c-1', lines: [line()], ...change };
}

export function source(change: Partial<SubmissionSource> = {}): SubmissionSource {
  const recordTime = new Date('2026-11-22T11:59:59.001Z');
  return { topic: 'orders', partition: 0, offset: 7n, format: 'protobuf', recordTime, ...change };
}

/** An active customer. */
export function customer(change: Partial<Customer> = {}): Customer {
  return { customerId: 'c-1', name: 'Ada', email: 'ada@example.com', active: true, version: 3n, ...change };
}

/** `productOf('p-1')` has the SKU `SKU-p-1` and costs 999.99. */
export function productOf(productId: string, change: Partial<Product> = {}): Product {
  return {
    productId,
    sku: `SKU-${productId}`,
    name: `Product ${productId}`,
    description: 'As described',
    price: 99_999n,
    retired: false,
    version: 5n,
    ...change,
  };
}

/** Found, as a response of the API for this very decision. */
export function found<T>(value: T): Extract<Lookup<T>, { status: 'found' }> {
  return {
    status: 'found',
    value,
    freshness: { fetchTime: new Date('2026-11-22T11:59:59.900Z'), stale: false },
    confirmed: true,
  };
}

/** Found in a cache entry. */
export function copied<T>(value: T, { stale = false } = {}): Extract<Lookup<T>, { status: 'found' }> {
  const fetchTime = new Date('2026-11-22T11:30:00.000Z');
  return { status: 'found', value, freshness: { fetchTime, stale }, confirmed: false };
}

/** Judges what needs no waiting, for tests that are about what comes after. */
export function decide(
  sent: Submission,
  known: { customer?: Lookup<Customer>; product?: (reference: ProductReference) => Lookup<Product> } = {},
  from: SubmissionSource = source(),
): EnrichedOrder {
  const verdict = judge(
    sent,
    {
      customer: (customerId) => known.customer ?? found(customer({ customerId })),
      product: known.product ?? knownProduct,
    },
    terms,
  );
  if (verdict.kind !== 'decided') throw new Error(`expected a decision, got ${verdict.kind}`);
  return { ...verdict.order, source: from, decideTime: now };
}

/** Every product there could be is known, by its id and as `SKU-<id>`. */
export function knownProduct({ by, value }: ProductReference): Lookup<Product> {
  return found(productOf(by === 'sku' ? value.replace(/^SKU-/, '') : value));
}
