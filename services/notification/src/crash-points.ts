/** Crash points of notification, each between two durable writes. */
export const crashPoints = [
  /** A batch of events is committed as mails; its offset is not. */
  'notification-after-insert',
  /** Mails are rendered and committed; none is sent. */
  'notification-after-render',
  /** An attempt is stored; its delivery has not begun. */
  'notification-after-attempt-written',
  /** A delivery has ended; its outcome is not recorded. */
  'notification-after-delivery',
  /** The outcome of a delivery is recorded. */
  'notification-after-settle',
] as const;

/** One of the `crashPoints`. */
export type CrashPoint = (typeof crashPoints)[number];
