/** Where a process of payment can be made to die between two durable steps. */
export const crashPoints = [
  /** A slice of events is committed; its offset is not. */
  'payment-after-intake',
  /** A call is written down; it is not made. */
  'payment-after-attempt-written',
  'payment-before-settle',
  /** A call was made; how it ended is not recorded. */
  'payment-after-charge',
  'payment-after-void',
  'payment-after-refund',
  /** How a call ended is recorded, with its answer in the outbox. */
  'payment-after-record',
] as const;

/** One of the `crashPoints`. */
export type CrashPoint = (typeof crashPoints)[number];
