/** Names a product: by its id, or by its stock keeping unit. */
export type ProductReference = { readonly by: 'product_id' | 'sku'; readonly value: string };

/** One line of an order as it was sent; nothing about it is checked yet. */
export interface SubmittedLine {
  readonly reference: ProductReference | undefined;
  /** As sent; may be absurd, a fraction, or NaN where a number was too large to hold. */
  readonly quantity: number;
  /** The price of one that the sender saw. */
  readonly quotedPrice: QuotedPrice | undefined;
}

/** A price as it was sent: minor units where it can be said in them. No currency: the configured one is meant. */
export type QuotedPrice =
  | { readonly amount: bigint; readonly currency: string | undefined }
  | { readonly amount: undefined; readonly text: string };

/** An order as somebody sent it, not yet checked. Only its id is known to be usable. */
export interface Submission {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly SubmittedLine[];
}

/** The record an order was first read from. */
export interface SubmissionSource {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly format: 'protobuf' | 'protobuf_json' | 'plain_json';
  readonly recordTime: Date;
}

const orderIdPattern = /^[A-Za-z0-9._:-]{1,64}$/;

/** Whether an order can be known by this id. */
export function isOrderId(id: string): boolean {
  return orderIdPattern.test(id);
}

/** Two references are the same when they name the same thing in the same way. */
export function referenceKey(reference: ProductReference): string {
  return `${reference.by}:${reference.value}`;
}

/**
 * What makes two submissions of one id the same order: the customer, and how many of what is ordered, over
 * all lines and in any order. Quoted prices don't count, since they are not what is charged.
 * Undefined when the content is too bad to say it; then only equal bytes are the same.
 */
export function sameContentKey(submission: Submission): string | undefined {
  if (submission.customerId === '' || submission.lines.length === 0) return undefined;
  const quantities = new Map<string, number>();
  for (const { reference, quantity } of submission.lines) {
    if (reference === undefined || !Number.isSafeInteger(quantity) || quantity < 1) return undefined;
    const key = referenceKey(reference);
    quantities.set(key, (quantities.get(key) ?? 0) + quantity);
  }
  const lines = [...quantities].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([submission.customerId, lines]);
}
