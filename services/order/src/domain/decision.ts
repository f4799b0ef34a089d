import type { UndecidedOrder } from './enriched-order.ts';
import type { SagaInput } from './transition.ts';

/** A judged order; or why it cannot be decided: the enrichment API returns invalid responses about it. */
export type Decision = UndecidedOrder | { readonly invalid: string };

/** Returns what a decision is for the saga: an input of an undecided order. */
export function decisionInput(decision: Decision): Pick<SagaInput, 'kind' | 'detail' | 'total'> {
  if ('invalid' in decision) return { kind: 'EnrichmentInvalid', detail: decision.invalid };
  if (decision.decision.outcome === 'REJECTED') return { kind: 'Reject' };
  return { kind: 'Accept', total: decision.decision.total };
}
