import type { FullOrder } from '../domain/order.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Submission } from '../domain/submission.ts';
import type { IntakeTransaction, NewOrder, OrderReader } from '../ports.ts';
import { contentHashOf } from './content-hash.ts';
import type { PrecheckOrder } from './precheck-order.ts';

/** An order as a caller sends it. */
export interface ProposedOrder {
  readonly submission: Submission;
  /** The caller has chosen the order's id, and may have sent it before. */
  readonly choseId: boolean;
  readonly callerId: string;
  /** The record that the worker will read. */
  readonly record: NewOrder['submission'];
  readonly traceparent: string | undefined;
}

interface Dependencies {
  readonly reader: OrderReader;
  readonly precheck: PrecheckOrder;
  /** The time limit of the precheck, in milliseconds. */
  readonly limitMs: number;
}

/**
 * Prechecks an order before it is stored. Only definite problems refuse it; the worker decides the others.
 * @throws Refusal ORDER_REFUSED with all violations
 */
export async function checkOrder(
  { reader, precheck, limitMs }: Dependencies,
  { submission, choseId }: ProposedOrder,
): Promise<void> {
  const { violations } = await precheck(submission, limitMs);
  if (violations.length === 0) return;
  // An order that is stored already is returned, also when it could not be placed again: it may itself have taken the
  // last of the stock.
  if (choseId && (await reader.find(submission.orderId)) !== undefined) return;
  throw refused(violations);
}

/**
 * Stores orders: after the commit they will be decided. An order that the same caller has sent before is returned
 * unchanged; one whose id is used otherwise gets its refusal, ORDER_ALREADY_EXISTS. Results are in the order of the
 * proposals, no two of which may have the same id.
 */
export async function placeOrders(
  transaction: IntakeTransaction,
  proposals: readonly ProposedOrder[],
): Promise<(FullOrder | Refusal)[]> {
  const orders = proposals.map(({ submission, callerId, record, traceparent }): NewOrder => {
    const contentHash = contentHashOf({ submission, bytes: record.value });
    const { orderId, customerId } = submission;
    return { orderId, customerId, callerId, contentHash, submission: record, traceparent };
  });
  const results = await transaction.take(orders);
  return results.map(({ isNew, order }, index) => {
    const proposed = orders[index];
    return isNew || (proposed && isSame(order, proposed)) ? order : alreadyExists(order.orderId);
  });
}

/** Whether the stored order is the caller's: it came from the same caller, with the same content. */
export function isSame(
  stored: FullOrder,
  { callerId, contentHash }: Pick<NewOrder, 'callerId' | 'contentHash'>,
): boolean {
  return stored.callerId === callerId && Buffer.compare(stored.contentHash, contentHash) === 0;
}

/** The refusal of an order whose id is in use. */
export function alreadyExists(orderId: string): Refusal {
  return new Refusal(
    'ORDER_ALREADY_EXISTS',
    `order ${orderId} exists, with other content or from another caller: read it, or choose another order_id`,
    { metadata: { order_id: orderId } },
  );
}

/** The refusal of an order with all its violations. */
export function refused(violations: Refusal['violations']): Refusal {
  const [first] = violations;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return new Refusal('ORDER_REFUSED', `${first?.description}${more}`, { violations });
}
