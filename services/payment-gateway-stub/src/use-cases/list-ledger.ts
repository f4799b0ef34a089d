import type { LedgerEntry } from '../domain/charge.ts';
import type { LedgerReader } from '../ports.ts';

/** A page of the ledger, and the sequence to go on after; undefined on the last page. */
export async function listLedger(
  reader: LedgerReader,
  { orderId, after, size }: { orderId: string | undefined; after: bigint; size: number },
): Promise<{ entries: LedgerEntry[]; last: bigint | undefined }> {
  const found = await reader.page(orderId, after, size + 1);
  const entries = found.slice(0, size);
  return { entries, last: found.length > size ? entries.at(-1)?.sequence : undefined };
}
