/** Identifies a product: by its id, or by its stock keeping unit. */
export type ProductReference = { readonly by: 'product_id' | 'sku'; readonly value: string };

/** One line of a submission, not yet validated. */
export interface SubmittedLine {
  readonly reference: ProductReference | undefined;
  /** As sent; may be negative, a fraction, or NaN where a number was too large. */
  readonly quantity: number;
  /** The unit price that the sender quoted. */
  readonly quotedPrice: QuotedPrice | undefined;
}

/** A quoted price: in minor units where it can be expressed in them. Without a currency the configured one is meant. */
export type QuotedPrice =
  | { readonly amount: bigint; readonly currency: string | undefined }
  | { readonly amount: undefined; readonly text: string };

/** An order as it was sent, not yet validated. Only its id is known to be valid. */
export interface Submission {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly SubmittedLine[];
}

/** The record from which an order was first read. */
export interface SubmissionSource {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly format: 'protobuf' | 'protobuf_json' | 'plain_json';
  readonly recordTime: Date;
}

/** The key of a reference: equal for references of the same kind and value. */
export function referenceKey(reference: ProductReference): string {
  return `${reference.by}:${reference.value}`;
}

/**
 * The content that identifies a repeat: equal for two submissions with the same customer and the same quantity per
 * product, over all lines and in any order. Quoted prices do not count, because they are not charged. Undefined when
 * the content is invalid; then only equal bytes are a repeat.
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
