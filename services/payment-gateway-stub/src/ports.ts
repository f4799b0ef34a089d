import type { Charge, LedgerEntry, Movement } from './domain/charge.ts';

/** Changes that are committed together. No other transaction uses the same keys of charges before it ends. */
export interface LedgerTransaction {
  /** Returns the existing charges under these keys, by key. */
  find(keys: readonly string[]): Promise<ReadonlyMap<string, Charge>>;
  /** The charge that was refunded under this key of a refund. */
  findByRefund(refundKey: string): Promise<Charge | undefined>;
  /**
   * Adds a charge, new or changed, and its movement of money to what is committed. All other movements wait from the
   * moment it is written, so it is written with the commit.
   */
  save(charge: Charge, movement?: Movement): void;
}

/** Runs the work in a transaction that holds the locks of these keys of charges. */
export type InLedgerTransaction = <T>(
  keys: readonly string[],
  work: (transaction: LedgerTransaction) => Promise<T>,
) => Promise<T>;

/** Reads the ledger. */
export interface LedgerReader {
  /** Returns up to `limit` entries in the order they were written, of one order or of all, after `sequence`. */
  page(orderId: string | undefined, sequence: bigint, limit: number): Promise<LedgerEntry[]>;
}
