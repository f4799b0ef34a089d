/** Crash points of payment, each between two durable writes. */
export const crashPoints = [
  /** A batch of events is committed; its offset is not. */
  'payment-after-intake',
  /** A call is stored; it is not made. */
  'payment-after-attempt-written',
  'payment-before-settle',
  /** A call was made; its outcome is not recorded. */
  'payment-after-charge',
  'payment-after-void',
  'payment-after-refund',
  /** The outcome of a call is recorded, with its reply in the outbox. */
  'payment-after-record',
] as const;

/** One of the `crashPoints`. */
export type CrashPoint = (typeof crashPoints)[number];
