import type { JudgedOrder } from '../domain/enriched-order.ts';
import type { FullOrder } from '../domain/order.ts';
import { Refusal } from '../domain/refusal.ts';
import type { OrderReader } from '../ports.ts';
import { contentHashOf } from './content-hash.ts';
import { alreadyExists, isSame, type ProposedOrder, refused } from './place-order.ts';
import type { PrecheckOrder } from './precheck-order.ts';

interface Dependencies {
  readonly reader: OrderReader;
  readonly precheck: PrecheckOrder;
  /** The time limit of a quote, in milliseconds. */
  readonly limitMs: number;
}

/** A priced order; or the stored order, if the same caller has sent it before. */
export type Quote =
  | { readonly kind: 'quote'; readonly order: JudgedOrder }
  | { readonly kind: 'stored'; readonly order: FullOrder };

/**
 * Prices an order without storing it. Stock that cannot be read does not prevent it: a price does not depend on stock.
 * @throws Refusal ORDER_REFUSED, ORDER_ALREADY_EXISTS, DEPENDENCY_UNAVAILABLE
 */
export async function quoteOrder(
  { reader, precheck, limitMs }: Dependencies,
  { submission, choseId, callerId, record }: ProposedOrder,
): Promise<Quote> {
  const stored = choseId ? await reader.find(submission.orderId) : undefined;
  if (stored !== undefined) {
    const contentHash = contentHashOf({ submission, bytes: record.value });
    if (!isSame(stored, { callerId, contentHash })) throw alreadyExists(stored.orderId);
    return { kind: 'stored', order: stored };
  }
  const { judged, cause, violations } = await precheck(submission, limitMs);
  if (violations.length > 0) throw refused(violations);
  if (judged === undefined) {
    throw new Refusal('DEPENDENCY_UNAVAILABLE', 'customer or products cannot be read now: repeat later', {
      cause,
    });
  }
  return { kind: 'quote', order: judged };
}
