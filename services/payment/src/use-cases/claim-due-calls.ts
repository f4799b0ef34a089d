import type { Terms } from '../domain/input.ts';
import type { PaymentTransaction } from '../ports.ts';
import { createUnitOfWork, type DueCall } from './unit-of-work.ts';

/** The calls to make, up to a limit, and when the next payment is due after them. */
export interface DueCalls {
  readonly calls: readonly DueCall[];
  readonly nextDueTime: Date | undefined;
}

/** Stores the calls of due payments. Only the process that has stored a call makes it. */
export async function claimDueCalls(
  {
    transaction,
    terms,
    now,
  }: { readonly transaction: PaymentTransaction; readonly terms: Terms; readonly now: Date },
  limit: number,
): Promise<DueCalls> {
  const due = await transaction.lockDue(now, limit);
  const unitOfWork = createUnitOfWork(new Map(due.map((payment) => [payment.orderId, payment])), now, terms);
  const calls = due.flatMap(({ orderId }) => unitOfWork.callFor(orderId) ?? []);
  if (due.length > 0) transaction.save(unitOfWork.changes(), now);
  return { calls, nextDueTime: await transaction.nextDueTime() };
}
