import type { Terms } from '../domain/input.ts';
import type { EndedCall, PaymentTransaction } from '../ports.ts';
import { createSheet } from './sheet.ts';

/**
 * Records how calls ended, whatever has happened to their payments meanwhile. A call that was recorded before changes
 * nothing. Answers what the gateway cannot have meant, as sentences.
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
  const sheet = createSheet(payments, now, terms);
  const contradictions = (await transaction.endCalls(ended, now)).map(
    ({ orderId, call, outcome }) => sheet.apply(orderId, { kind: 'called', call, outcome }).contradiction,
  );
  await transaction.save(sheet.changes(), now);
  return contradictions.filter((contradiction) => contradiction !== undefined);
}
