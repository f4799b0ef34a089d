/** Why an order can be rejected, and what its sender can do. Documented in docs/errors.md. */
export const rejectionReasons = {
  CUSTOMER_ID_INVALID: 'The customer id is missing, longer than 256 characters, or has control characters.',
  CUSTOMER_NOT_FOUND: 'No customer has this id. Create the customer first, or correct the id.',
  CUSTOMER_INACTIVE: 'The customer exists and may not order. Activate the customer first.',
  LINES_EMPTY: 'The order has no lines. Send at least one.',
  TOO_MANY_LINES: 'The order has more than 200 lines. Send it as several orders.',
  PRODUCT_REFERENCE_INVALID:
    'The line names no product, or by an id or SKU that is longer than 256 characters or has control characters.',
  PRODUCT_NOT_FOUND: 'No product has this id or SKU.',
  PRODUCT_RETIRED: 'The product is no longer sold.',
  QUANTITY_INVALID: 'The quantity is not a whole number from 1 to 10,000, over all lines of one product.',
  QUOTED_PRICE_INVALID:
    'The quoted price is negative, of another currency, or no amount of money. Leave it out if it is not known.',
} as const;

/** Why an order was rejected: one entry of the catalogue. */
export type RejectionReason = keyof typeof rejectionReasons;

/** One thing that is wrong with an order. */
export interface Rejection {
  readonly reason: RejectionReason;
  /** Where: a path into the submission, such as `lines[2].quantity`. */
  readonly field: string;
  /** What was wrong, for a person. */
  readonly message: string;
}

/** Shows a value that a sender chose, short enough for a message. */
export function shown(value: string): string {
  const text = value.length <= 64 ? value : `${value.slice(0, 64)}…`;
  // Quoted as JSON, so that a message stays one readable line whatever was sent.
  return value.length <= 64 ? JSON.stringify(text) : `${JSON.stringify(text)} (${value.length} characters)`;
}
