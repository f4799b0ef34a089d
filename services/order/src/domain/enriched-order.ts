import type { Customer, Freshness, Product } from './enrichment.ts';
import type { Rejection } from './rejection.ts';
import type { Submission, SubmissionSource } from './submission.ts';

/** A line and its product as it was when the order was decided. */
export interface EnrichedLine {
  readonly product: Product;
  readonly freshness: Freshness;
  /** The sum over all lines of the submission with this product. */
  readonly quantity: number;
  /** The unit price that the sender quoted on the first such line, in minor units. */
  readonly quotedPrice: bigint | undefined;
  /** Price charged × quantity, in minor units. */
  readonly amount: bigint;
}

/** A decided order, with the customer and the products as they were at that time. Amounts in minor units. */
export interface EnrichedOrder {
  readonly orderId: string;
  readonly submission: Submission;
  readonly source: SubmissionSource;
  readonly customer: { readonly customer: Customer; readonly freshness: Freshness } | undefined;
  /** One per known product, in the order of the submission. */
  readonly lines: readonly EnrichedLine[];
  readonly taxBasisPoints: number;
  readonly currency: string;
  /** By the clock of the order service's database. */
  readonly decideTime: Date;
  readonly decision: Accepted | Rejected;
}

/** An order that has been judged, and may never be stored. */
export type JudgedOrder = Omit<EnrichedOrder, 'source' | 'decideTime'>;

/** An order that has been judged, and becomes decided when it is stored. */
export type UndecidedOrder = Omit<EnrichedOrder, 'decideTime'>;

/** The order is valid and priced. */
export interface Accepted {
  readonly outcome: 'ACCEPTED';
  readonly subtotal: bigint;
  readonly tax: bigint;
  readonly total: bigint;
}

/** The order is rejected for at least one reason. */
export interface Rejected {
  readonly outcome: 'REJECTED';
  readonly rejections: readonly Rejection[];
}
