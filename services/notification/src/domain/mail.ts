import type { CancelReason } from './cancel-reason.ts';

/** An amount: `units` whole ones and `nanos` billionths of `currency`, ISO 4217. */
export interface Amount {
  readonly currency: string;
  readonly units: bigint;
  readonly nanos: number;
}

/** A line of a confirmed order. */
export interface MailLine {
  readonly productName: string;
  readonly quantity: bigint;
  readonly unitPrice: Amount;
  readonly amount: Amount;
}

/** A reason for which an order is rejected. */
export interface MailRejection {
  /** From docs/errors.md, such as `CUSTOMER_NOT_FOUND`. */
  readonly reason: string;
  /** The problem and what would be right, for people. */
  readonly message: string;
}

/** What a mail about an order, or a message by hand, says. Nothing in it is escaped. */
export type MailContent =
  | {
      readonly kind: 'CONFIRMED';
      readonly orderId: string;
      readonly lines: readonly MailLine[];
      readonly subtotal: Amount;
      readonly tax: Amount;
      readonly total: Amount;
    }
  | { readonly kind: 'COMPLETED'; readonly orderId: string; readonly total: Amount }
  | { readonly kind: 'CANCELLED'; readonly orderId: string; readonly reason: CancelReason }
  | { readonly kind: 'REJECTED'; readonly orderId: string; readonly rejections: readonly MailRejection[] }
  | { readonly kind: 'REFUNDED'; readonly orderId: string; readonly amount: Amount }
  | { readonly kind: 'MESSAGE'; readonly subject: string; readonly message: string };

/** A mail before it is stored: three texts. */
export interface RenderedMail {
  /** One line. */
  readonly subject: string;
  readonly text: string;
  /** A whole document; everything that is not ours is escaped. */
  readonly html: string;
}
