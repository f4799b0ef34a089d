import type { Charge, LedgerEntry, Movement } from './domain/charge.ts';

/** Changes that are committed together. No other transaction uses the same key of a charge before it ends. */
export interface LedgerTransaction {
  find(key: string): Promise<Charge | undefined>;
  /** The charge that was refunded under this key of a refund. */
  findByRefund(refundKey: string): Promise<Charge | undefined>;
  /**
   * Writes a charge, new or changed, and its movement of money. Must be the last call, because all other movements wait
   * for the end of the transaction from then on.
   */
  save(charge: Charge, movement?: Movement): Promise<void>;
}

/** Reads the ledger. */
export interface LedgerReader {
  /** Returns up to `limit` entries in the order they were written, of one order or of all, after `sequence`. */
  page(orderId: string | undefined, sequence: bigint, limit: number): Promise<LedgerEntry[]>;
}
