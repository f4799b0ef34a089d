import type { EnrichedLine, EnrichedOrder, JudgedOrder } from './enriched-order.ts';
import type { Customer, Lookup, Product } from './enrichment.ts';
import { taxOn } from './pricing.ts';
import { printable, type Rejection, type RejectionReason } from './rejection.ts';
import type { ProductReference, Submission, SubmittedLine } from './submission.ts';

/** The limits of a submission; docs/events.md documents them for senders. */
export const limits = { lines: 200, quantity: 10_000, textLength: 256 } as const;

/** Lookups of everything that an order refers to. */
export interface Lookups {
  customer(customerId: string): Lookup<Customer>;
  product(reference: ProductReference): Lookup<Product>;
}

/** The terms of every order. */
export interface Terms {
  readonly currency: string;
  readonly taxBasisPoints: number;
}

/** The verdict on an order from the given lookups. */
export type Verdict =
  | { readonly kind: 'decided'; readonly order: JudgedOrder }
  /** It would be rejected because of a cache entry: read these from the API, then judge again. */
  | { readonly kind: 'confirm'; readonly customers: string[]; readonly products: ProductReference[] }
  /** The API is unavailable. */
  | { readonly kind: 'wait'; readonly cause: string }
  /** The API repeatedly returns an invalid response for something that this order refers to. */
  | { readonly kind: 'invalid'; readonly cause: string };

/** The customer ids and product references that must be looked up to judge a submission. */
export function needs(submission: Submission): { customers: string[]; products: ProductReference[] } {
  return {
    customers: isAskable(submission.customerId) ? [submission.customerId] : [],
    products: examinedLines(submission).flatMap(({ reference }) =>
      reference !== undefined && isAskable(reference.value) ? [reference] : [],
    ),
  };
}

/**
 * Decides a submission: accepted and priced, or rejected with all reasons at once.
 * Pure: all lookups are passed in, and where they are not enough the verdict says what is missing.
 */
export function judge(submission: Submission, lookups: Lookups, terms: Terms): Verdict {
  const wanted = needs(submission);
  const customerLookups = wanted.customers.map((id) => lookups.customer(id));
  const results = [...customerLookups, ...wanted.products.map((reference) => lookups.product(reference))];
  for (const lookup of results) {
    if (lookup.status === 'invalid') return { kind: 'invalid', cause: lookup.cause };
  }
  for (const lookup of results) {
    if (lookup.status === 'unavailable') return { kind: 'wait', cause: lookup.cause };
  }

  const rejections: Rejection[] = [];
  const confirm = { kind: 'confirm' as const, customers: [] as string[], products: [] as ProductReference[] };
  const reject = (reason: RejectionReason, field: string, message: string) =>
    rejections.push({ reason, field, message });

  const customer = judgeCustomer(submission.customerId, customerLookups[0], reject, confirm.customers);
  const lines = judgeLines(submission, lookups, terms, reject, confirm.products);
  if (confirm.customers.length > 0 || confirm.products.length > 0) return confirm;

  const subtotal = lines.reduce((sum, line) => sum + line.amount, 0n);
  const tax = taxOn(subtotal, terms.taxBasisPoints);
  return {
    kind: 'decided',
    order: {
      orderId: submission.orderId,
      submission,
      customer,
      lines,
      taxBasisPoints: terms.taxBasisPoints,
      currency: terms.currency,
      decision:
        rejections.length > 0
          ? { outcome: 'REJECTED', rejections }
          : { outcome: 'ACCEPTED', subtotal, tax, total: subtotal + tax },
    },
  };
}

type Reject = (reason: RejectionReason, field: string, message: string) => void;

function judgeCustomer(
  customerId: string,
  lookup: Lookup<Customer> | undefined,
  reject: Reject,
  confirm: string[],
): EnrichedOrder['customer'] {
  if (lookup === undefined) {
    reject(
      'CUSTOMER_ID_INVALID',
      'customer_id',
      `${printable(customerId)} is not 1 to ${limits.textLength} printable characters`,
    );
    return undefined;
  }
  if (lookup.status !== 'found') {
    reject('CUSTOMER_NOT_FOUND', 'customer_id', `no customer ${printable(customerId)}`);
    return undefined;
  }
  if (!lookup.value.active) {
    // A cache entry may be stale; only what the API returns now may reject an order.
    if (!lookup.confirmed) confirm.push(customerId);
    reject('CUSTOMER_INACTIVE', 'customer_id', `customer ${printable(customerId)} is not active`);
  }
  return { customer: lookup.value, freshness: lookup.freshness };
}

function judgeLines(
  submission: Submission,
  lookups: Lookups,
  terms: Terms,
  reject: Reject,
  confirm: ProductReference[],
): EnrichedLine[] {
  if (submission.lines.length === 0) reject('LINES_EMPTY', 'lines', 'the order has no lines');
  if (submission.lines.length > limits.lines) {
    // Lines are not examined: the event must stay small enough to be sent.
    reject('TOO_MANY_LINES', 'lines', `${submission.lines.length} lines; the limit is ${limits.lines}`);
  }

  const merged = new Map<string, EnrichedLine>();
  for (const [index, line] of examinedLines(submission).entries()) {
    const field = `lines[${index}]`;
    judgeQuotedPrice(line, field, terms, reject);
    const quantityOk = isQuantity(line.quantity);
    if (!quantityOk) {
      const message = `${line.quantity} is not a whole number from 1 to ${limits.quantity}`;
      reject('QUANTITY_INVALID', `${field}.quantity`, message);
    }
    const found = judgeProduct(line.reference, field, lookups, reject, confirm);
    if (found === undefined) continue;

    const before = merged.get(found.value.productId);
    const quantity = (before?.quantity ?? 0) + (quantityOk ? line.quantity : 0);
    if (before !== undefined && quantityOk && quantity > limits.quantity) {
      const message = `${quantity} of product ${found.value.productId} over all lines; the limit is ${limits.quantity}`;
      reject('QUANTITY_INVALID', `${field}.quantity`, message);
    }
    merged.set(found.value.productId, {
      product: found.value,
      freshness: found.freshness,
      quantity,
      quotedPrice: before?.quotedPrice ?? line.quotedPrice?.amount,
      amount: found.value.price * BigInt(quantity),
    });
  }
  return [...merged.values()];
}

function judgeProduct(
  reference: ProductReference | undefined,
  field: string,
  lookups: Lookups,
  reject: Reject,
  confirm: ProductReference[],
): Extract<Lookup<Product>, { status: 'found' }> | undefined {
  if (reference === undefined || !isAskable(reference.value)) {
    const what = reference === undefined ? 'no product id and no SKU' : printable(reference.value);
    const message = `${what}; identify a product by its id or SKU, 1 to ${limits.textLength} printable characters`;
    reject('PRODUCT_REFERENCE_INVALID', reference ? `${field}.${reference.by}` : field, message);
    return undefined;
  }
  const lookup = lookups.product(reference);
  if (lookup.status !== 'found') {
    reject('PRODUCT_NOT_FOUND', `${field}.${reference.by}`, `no product ${printable(reference.value)}`);
    return undefined;
  }
  if (lookup.value.retired) {
    if (!lookup.confirmed) confirm.push(reference);
    const message = `product ${printable(reference.value)} is no longer sold`;
    reject('PRODUCT_RETIRED', `${field}.${reference.by}`, message);
  }
  return lookup;
}

function judgeQuotedPrice(line: SubmittedLine, field: string, terms: Terms, reject: Reject): void {
  const quoted = line.quotedPrice;
  if (quoted === undefined) return;
  const problem =
    quoted.amount === undefined
      ? `${printable(quoted.text)} is not an amount of money`
      : quoted.amount < 0n
        ? 'the price is negative'
        : quoted.currency !== undefined && quoted.currency !== terms.currency
          ? `the currency is ${printable(quoted.currency)}, not ${terms.currency}`
          : undefined;
  if (problem !== undefined) reject('QUOTED_PRICE_INVALID', `${field}.quoted_price`, problem);
}

function examinedLines(submission: Submission): readonly SubmittedLine[] {
  return submission.lines.length > limits.lines ? [] : submission.lines;
}

/** Whether this can be an id or SKU; if not, the enrichment API is not called for it. */
function isAskable(reference: string): boolean {
  return reference.length >= 1 && reference.length <= limits.textLength && !/\p{Cc}/u.test(reference);
}

function isQuantity(quantity: number): boolean {
  return Number.isInteger(quantity) && quantity >= 1 && quantity <= limits.quantity;
}
