import type { Customer, Freshness, Product } from './enrichment.ts';
import type { Rejection } from './rejection.ts';
import type { Submission, SubmissionSource } from './submission.ts';

/** A line and its product as it was when the order was decided. */
export interface EnrichedLine {
  readonly product: Product;
  readonly freshness: Freshness;
  /** How many, over all lines of the submission that name this product. */
  readonly quantity: number;
  /** The price of one that the sender saw on the first such line, in minor units. */
  readonly quotedPrice: bigint | undefined;
  /** Price charged × quantity, in minor units. */
  readonly amount: bigint;
}

/** An order with the customer and the products as they were when it was decided. Amounts in minor units. */
export interface EnrichedOrder {
  readonly orderId: string;
  readonly submission: Submission;
  readonly source: SubmissionSource;
  readonly customer: { readonly customer: Customer; readonly freshness: Freshness } | undefined;
  /** One a product that is known, in the order they were sent. */
  readonly lines: readonly EnrichedLine[];
  readonly taxBasisPoints: number;
  readonly currency: string;
  readonly decideTime: Date;
  readonly decision: Accepted | Rejected;
}

/** An order that is judged, and may never be stored. */
export type JudgedOrder = Omit<EnrichedOrder, 'source'>;

/** Checked and priced. */
export interface Accepted {
  readonly outcome: 'ACCEPTED';
  readonly subtotal: bigint;
  readonly tax: bigint;
  readonly total: bigint;
}

/** Cannot be taken: at least one reason. */
export interface Rejected {
  readonly outcome: 'REJECTED';
  readonly rejections: readonly Rejection[];
}
