import type { OrderInFull } from '../domain/order.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Submission } from '../domain/submission.ts';
import type { NewOrder, OrderReader, OrderTransaction } from '../ports.ts';
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
  // What is stored already is answered as it is, also when it could not be had once more.
  const isStored = async () => choseId && (await reader.find(submission.orderId)) !== undefined;
  if (await isStored()) return;
  const { violations } = await look(submission, limitMs);
  // This very order may have been stored meanwhile, over another connection, and have got the last of the stock.
  if (violations.length > 0 && !(await isStored())) throw refused(violations);
}

/**
 * Takes the order: once this has been committed it will be decided. An order that the same caller has sent before is
 * answered as it is.
 * @throws Refusal ORDER_ALREADY_EXISTS
 */
export async function placeOrder(
  transaction: OrderTransaction,
  { submission, callerId, record }: ProposedOrder,
): Promise<OrderInFull> {
  const contentHash = contentHashOf({ submission, bytes: record.value });
  const { orderId, customerId } = submission;
  const { isNew, order } = await transaction.take({
    orderId,
    customerId,
    callerId,
    contentHash,
    submission: record,
  });
  return isNew ? order : sameOrder(order, callerId, contentHash);
}

/**
 * The stored order, if it is the one that the caller means.
 * @throws Refusal ORDER_ALREADY_EXISTS when it has other content, or came another way.
 */
export function sameOrder(stored: OrderInFull, callerId: string, contentHash: Uint8Array): OrderInFull {
  if (stored.callerId === callerId && Buffer.compare(stored.contentHash, contentHash) === 0) return stored;
  throw new Refusal(
    'ORDER_ALREADY_EXISTS',
    `order ${stored.orderId} exists, with other content or from another caller: read it, or choose another order_id`,
    { metadata: { order_id: stored.orderId } },
  );
}

/** The refusal of an order for all that is wrong with it. */
export function refused(violations: Refusal['violations']): Refusal {
  const [first] = violations;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return new Refusal('ORDER_REFUSED', `${first?.description}${more}`, { violations });
}
