import type { Terms } from '../domain/input.ts';
import type { EndedCall, PaymentTransaction } from '../ports.ts';
import { createUnitOfWork } from './unit-of-work.ts';

/**
 * Records the outcomes of calls, whatever has happened to their payments meanwhile. A call that was recorded before
 * changes nothing. Returns contradictions of the gateway, as sentences.
 */
export async function recordCalls(
  {
    transaction,
    terms,
    now,
  }: { readonly transaction: PaymentTransaction; readonly terms: Terms; readonly now: Date },
  ended: readonly EndedCall[],
): Promise<string[]> {
  const payments = await transaction.lock([...new Set(ended.map(({ orderId }) => orderId))]);
  const unitOfWork = createUnitOfWork(payments, now, terms);
  const contradictions = (await transaction.endCalls(ended, now)).map(
    ({ orderId, call, outcome }) =>
      unitOfWork.apply(orderId, { kind: 'called', call, outcome }).contradiction,
  );
  transaction.save(unitOfWork.changes(), now);
  return contradictions.filter((contradiction) => contradiction !== undefined);
}
