import {
  applyInputs,
  isTransition,
  type Limits,
  type SagaInput,
  type TransitionResult,
} from '../domain/transition.ts';
import type { SagaTransaction } from '../ports.ts';

/** The dependencies of the saga's use cases. */
export interface Saga {
  readonly transaction: SagaTransaction;
  readonly limits: Limits;
  /** Orders of other customers do not exist. */
  readonly ownedBy?: string | undefined;
}

/**
 * Applies inputs to orders, one after the other. Idempotent.
 * Returns the result of each input; undefined where the order does not exist.
 */
export async function advanceOrders(
  { transaction, limits, ownedBy }: Saga,
  inputs: readonly SagaInput[],
): Promise<(TransitionResult | undefined)[]> {
  const orders = await transaction.lock([...new Set(inputs.map(({ orderId }) => orderId))], ownedBy);
  const results = applyInputs(orders, inputs, limits);
  await transaction.write(results.filter(isTransition));
  return results;
}
