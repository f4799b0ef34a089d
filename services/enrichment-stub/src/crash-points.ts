/** Crash points after a transaction that counts orders: before its offset is committed, or the next page is read. */
export const crashPoints = {
  counted: 'customers-after-count-transaction',
  backfilled: 'customers-after-backfill-transaction',
} as const;
