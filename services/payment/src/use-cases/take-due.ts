import type { Terms } from '../domain/input.ts';
import type { PaymentTransaction } from '../ports.ts';
import { createSheet, type DueCall } from './sheet.ts';

/** The calls to make, up to a limit, and when the next payment is due after them. */
export interface DueCalls {
  readonly calls: readonly DueCall[];
  readonly nextDueTime: Date | undefined;
}

/** Writes down the calls of payments that are due. Whoever has written a call down makes it, nobody else. */
export async function takeDue(
  {
    transaction,
    terms,
    now,
  }: { readonly transaction: PaymentTransaction; readonly terms: Terms; readonly now: Date },
  limit: number,
): Promise<DueCalls> {
  const due = await transaction.lockDue(now, limit);
  const sheet = createSheet(new Map(due.map((payment) => [payment.orderId, payment])), now, terms);
  const calls = due.flatMap(({ orderId }) => sheet.callFor(orderId) ?? []);
  if (due.length > 0) await transaction.save(sheet.changes(), now);
  return { calls, nextDueTime: await transaction.nextDueTime() };
}
