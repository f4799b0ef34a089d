import type { OrderInFull } from '../domain/order.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Submission } from '../domain/submission.ts';
import type { IntakeTransaction, NewOrder, OrderReader } from '../ports.ts';
import { contentHashOf } from './content-hash.ts';
import type { LookAtOrder } from './look-at-order.ts';

/** An order as a caller sends it. */
export interface ProposedOrder {
  readonly submission: Submission;
  /** The caller has chosen the order's id, and may have sent it before. */
  readonly choseId: boolean;
  readonly callerId: string;
  /** What the worker will read. */
  readonly record: NewOrder['submission'];
  readonly traceparent: string | undefined;
}

interface Dependencies {
  readonly reader: OrderReader;
  readonly look: LookAtOrder;
  /** How long an order may be looked at before it is taken, in milliseconds. */
  readonly limitMs: number;
}

/**
 * Looks at an order before it is taken. What is not certainly wrong passes; the worker decides it.
 * @throws Refusal ORDER_REFUSED with everything that is certainly wrong
 */
export async function checkOrder(
  { reader, look, limitMs }: Dependencies,
  { submission, choseId }: ProposedOrder,
): Promise<void> {
  const { violations } = await look(submission, limitMs);
  if (violations.length === 0) return;
  // What is stored already is answered as it is, also when it could not be had once more: it may itself have got the
  // last of the stock.
  if (choseId && (await reader.find(submission.orderId)) !== undefined) return;
  throw refused(violations);
}

/**
 * Takes orders: once this has been committed they will be decided. An order that the same caller has sent before is
 * answered as it is; one that cannot be taken by its refusal, ORDER_ALREADY_EXISTS. In the order of the proposals, no
 * two of which may have the same id.
 */
export async function placeOrders(
  transaction: IntakeTransaction,
  proposals: readonly ProposedOrder[],
): Promise<(OrderInFull | Refusal)[]> {
  const orders = proposals.map(({ submission, callerId, record, traceparent }): NewOrder => {
    const contentHash = contentHashOf({ submission, bytes: record.value });
    const { orderId, customerId } = submission;
    return { orderId, customerId, callerId, contentHash, submission: record, traceparent };
  });
  const taken = await transaction.take(orders);
  return taken.map(({ isNew, order }, index) => {
    const proposed = orders[index];
    return isNew || (proposed && isSame(order, proposed)) ? order : alreadyExists(order.orderId);
  });
}

/** Whether the stored order is the one that the caller means: it came from him, with the same content. */
export function isSame(
  stored: OrderInFull,
  { callerId, contentHash }: Pick<NewOrder, 'callerId' | 'contentHash'>,
): boolean {
  return stored.callerId === callerId && Buffer.compare(stored.contentHash, contentHash) === 0;
}

/** The refusal of an order whose id another one has. */
export function alreadyExists(orderId: string): Refusal {
  return new Refusal(
    'ORDER_ALREADY_EXISTS',
    `order ${orderId} exists, with other content or from another caller: read it, or choose another order_id`,
    { metadata: { order_id: orderId } },
  );
}

/** The refusal of an order for all that is wrong with it. */
export function refused(violations: Refusal['violations']): Refusal {
  const [first] = violations;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return new Refusal('ORDER_REFUSED', `${first?.description}${more}`, { violations });
}
