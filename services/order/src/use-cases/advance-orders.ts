import { isStep, type Limits, type Occurrence, type Reaction, reactAll } from '../domain/order-step.ts';
import type { SagaTransaction } from '../ports.ts';

/** What the use cases of the saga work with. */
export interface Saga {
  readonly transaction: SagaTransaction;
  readonly limits: Limits;
}

/**
 * Moves orders on by what has happened, in this order. Repeating it changes nothing.
 * Answers what became of each occurrence; undefined where there is no such order.
 */
export async function advanceOrders(
  { transaction, limits }: Saga,
  occurrences: readonly Occurrence[],
): Promise<(Reaction | undefined)[]> {
  const orders = await transaction.lock([...new Set(occurrences.map(({ orderId }) => orderId))]);
  const reactions = reactAll(orders, occurrences, limits);
  await transaction.write(reactions.filter(isStep));
  return reactions;
}
