import type { Charge, LedgerEntry, Movement } from './domain/charge.ts';

/** What happens all together or not at all. Nobody else acts on the same key of a charge before it ends. */
export interface LedgerTransaction {
  find(key: string): Promise<Charge | undefined>;
  /** The charge that was given back under this key of a refund. */
  findByRefund(refundKey: string): Promise<Charge | undefined>;
  /**
   * Writes a charge, new or changed, and the movement of money that goes with it; the last thing to do, as all other
   * movements wait for the end of the transaction from then on.
   */
  save(charge: Charge, movement?: Movement): Promise<void>;
}

/** Where the ledger is read. */
export interface LedgerReader {
  /** Up to `limit` entries in the order they were written, of one order or of all, from the one after `sequence`. */
  page(orderId: string | undefined, sequence: bigint, limit: number): Promise<LedgerEntry[]>;
}
