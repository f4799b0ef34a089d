import type { EnrichedLine, EnrichedOrder, JudgedOrder } from './enriched-order.ts';
import type { Customer, Lookup, Product } from './enrichment.ts';
import { taxOn } from './pricing.ts';
import { type Rejection, type RejectionReason, shown } from './rejection.ts';
import type { ProductReference, Submission, SubmittedLine } from './submission.ts';

/** What a submission may hold; docs/events.md tells senders. */
export const limits = { lines: 200, quantity: 10_000, textLength: 256 } as const;

/** What is known about everything an order names. */
export interface Knowledge {
  customer(customerId: string): Lookup<Customer>;
  product(reference: ProductReference): Lookup<Product>;
}

/** The terms on which orders are taken. */
export interface Terms {
  readonly currency: string;
  readonly taxBasisPoints: number;
}

/** What can be said of an order with what is known. */
export type Verdict =
  | { readonly kind: 'decided'; readonly order: JudgedOrder }
  /** It would be rejected for something a copy says: read these from the API, then judge again. */
  | { readonly kind: 'confirm'; readonly customers: string[]; readonly products: ProductReference[] }
  /** The API can't be asked now. */
  | { readonly kind: 'wait'; readonly cause: string }
  /** The API answers something this order names wrongly, again and again. */
  | { readonly kind: 'invalid'; readonly cause: string };

/** The customer ids and product references that must be known to judge a submission. */
export function needs(submission: Submission): { customers: string[]; products: ProductReference[] } {
  return {
    customers: isAskable(submission.customerId) ? [submission.customerId] : [],
    products: examinedLines(submission).flatMap(({ reference }) =>
      reference !== undefined && isAskable(reference.value) ? [reference] : [],
    ),
  };
}

/**
 * Decides a submission: accepted and priced, or rejected for every reason at once.
 * Pure: what it needs to know comes in, and where that is not enough the verdict says what is missing.
 */
export function judge(submission: Submission, knowledge: Knowledge, terms: Terms, now: Date): Verdict {
  const wanted = needs(submission);
  const customerLookups = wanted.customers.map((id) => knowledge.customer(id));
  const lookups = [...customerLookups, ...wanted.products.map((reference) => knowledge.product(reference))];
  for (const lookup of lookups) {
    if (lookup.status === 'invalid') return { kind: 'invalid', cause: lookup.cause };
  }
  for (const lookup of lookups) {
    if (lookup.status === 'unavailable') return { kind: 'wait', cause: lookup.cause };
  }

  const rejections: Rejection[] = [];
  const confirm = { kind: 'confirm' as const, customers: [] as string[], products: [] as ProductReference[] };
  const reject = (reason: RejectionReason, field: string, message: string) =>
    rejections.push({ reason, field, message });

  const customer = judgeCustomer(submission.customerId, customerLookups[0], reject, confirm.customers);
  const lines = judgeLines(submission, knowledge, terms, reject, confirm.products);
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
      decideTime: now,
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
      `${shown(customerId)} is not 1 to ${limits.textLength} printable characters`,
    );
    return undefined;
  }
  if (lookup.status !== 'found') {
    reject('CUSTOMER_NOT_FOUND', 'customer_id', `no customer ${shown(customerId)}`);
    return undefined;
  }
  if (!lookup.value.active) {
    // A copy may be out of date; only what the API says now is held against an order.
    if (!lookup.confirmed) confirm.push(customerId);
    reject('CUSTOMER_INACTIVE', 'customer_id', `customer ${shown(customerId)} is not active`);
  }
  return { customer: lookup.value, freshness: lookup.freshness };
}

function judgeLines(
  submission: Submission,
  knowledge: Knowledge,
  terms: Terms,
  reject: Reject,
  confirm: ProductReference[],
): EnrichedLine[] {
  if (submission.lines.length === 0) reject('LINES_EMPTY', 'lines', 'the order has no lines');
  if (submission.lines.length > limits.lines) {
    // Lines are not looked at one by one: the answer must stay small enough to be sent.
    reject('TOO_MANY_LINES', 'lines', `${submission.lines.length} lines; at most ${limits.lines} are taken`);
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
    const found = judgeProduct(line.reference, field, knowledge, reject, confirm);
    if (found === undefined) continue;

    const before = merged.get(found.value.productId);
    const quantity = (before?.quantity ?? 0) + (quantityOk ? line.quantity : 0);
    if (before !== undefined && quantityOk && quantity > limits.quantity) {
      const message = `${quantity} of product ${found.value.productId} over all lines; at most ${limits.quantity}`;
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
  knowledge: Knowledge,
  reject: Reject,
  confirm: ProductReference[],
): Extract<Lookup<Product>, { status: 'found' }> | undefined {
  if (reference === undefined || !isAskable(reference.value)) {
    const what = reference === undefined ? 'no product id and no SKU' : shown(reference.value);
    const message = `${what}; name a product by its id or SKU, 1 to ${limits.textLength} printable characters`;
    reject('PRODUCT_REFERENCE_INVALID', reference ? `${field}.${reference.by}` : field, message);
    return undefined;
  }
  const lookup = knowledge.product(reference);
  if (lookup.status !== 'found') {
    reject('PRODUCT_NOT_FOUND', `${field}.${reference.by}`, `no product ${shown(reference.value)}`);
    return undefined;
  }
  if (lookup.value.retired) {
    if (!lookup.confirmed) confirm.push(reference);
    const message = `product ${shown(reference.value)} is no longer sold`;
    reject('PRODUCT_RETIRED', `${field}.${reference.by}`, message);
  }
  return lookup;
}

function judgeQuotedPrice(line: SubmittedLine, field: string, terms: Terms, reject: Reject): void {
  const quoted = line.quotedPrice;
  if (quoted === undefined) return;
  const problem =
    quoted.amount === undefined
      ? `${shown(quoted.text)} is no amount of money`
      : quoted.amount < 0n
        ? 'the price is negative'
        : quoted.currency !== undefined && quoted.currency !== terms.currency
          ? `the currency is ${shown(quoted.currency)}, not ${terms.currency}`
          : undefined;
  if (problem !== undefined) reject('QUOTED_PRICE_INVALID', `${field}.quoted_price`, problem);
}

function examinedLines(submission: Submission): readonly SubmittedLine[] {
  return submission.lines.length > limits.lines ? [] : submission.lines;
}

/** Whether something can have this id or SKU; if not, the enrichment API is not bothered with it. */
function isAskable(reference: string): boolean {
  return reference.length >= 1 && reference.length <= limits.textLength && !/\p{Cc}/u.test(reference);
}

function isQuantity(quantity: number): boolean {
  return Number.isInteger(quantity) && quantity >= 1 && quantity <= limits.quantity;
}
