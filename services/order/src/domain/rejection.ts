/** The reasons for which an order is rejected, and what its sender can do. Documented in docs/errors.md. */
export const rejectionReasons = {
  CUSTOMER_ID_INVALID: 'The customer id is missing, longer than 256 characters, or has control characters.',
  CUSTOMER_NOT_FOUND: 'No customer has this id. Create the customer first, or correct the id.',
  CUSTOMER_INACTIVE: 'The customer exists and may not order. Activate the customer first.',
  LINES_EMPTY: 'The order has no lines. Send at least one.',
  TOO_MANY_LINES: 'The order has more than 200 lines. Send it as several orders.',
  PRODUCT_REFERENCE_INVALID:
    'The line identifies no product, or has an id or SKU that is longer than 256 characters or has control characters.',
  PRODUCT_NOT_FOUND: 'No product has this id or SKU.',
  PRODUCT_RETIRED: 'The product is no longer sold.',
  QUANTITY_INVALID: 'The quantity is not a whole number from 1 to 10,000, over all lines of one product.',
  QUOTED_PRICE_INVALID:
    'The quoted price is negative, in another currency, or not an amount of money. It may be left out.',
} as const;

/** The reason of a rejection: one of the declared reasons. */
export type RejectionReason = keyof typeof rejectionReasons;

/** One reason for which an order is rejected. */
export interface Rejection {
  readonly reason: RejectionReason;
  /** The field: a path into the submission, such as `lines[2].quantity`. */
  readonly field: string;
  /** The problem, for people. */
  readonly message: string;
}

const printableMaxBytes = 64;

/** Formats a value that a sender chose for a message: at most 64 bytes of it. */
export function printable(value: string): string {
  // Quoted as JSON, so that a message stays one readable line whatever was sent.
  if (Buffer.byteLength(value) <= printableMaxBytes) return JSON.stringify(value);
  let start = '';
  let bytes = 0;
  for (const character of value) {
    bytes += Buffer.byteLength(character);
    if (bytes > printableMaxBytes) break;
    start += character;
  }
  return `${JSON.stringify(`${start}…`)} (${value.length} characters)`;
}
