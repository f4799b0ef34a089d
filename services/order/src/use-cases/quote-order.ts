import type { JudgedOrder } from '../domain/enriched-order.ts';
import type { OrderInFull } from '../domain/order.ts';
import { Refusal } from '../domain/refusal.ts';
import type { OrderReader } from '../ports.ts';
import { contentHashOf } from './content-hash.ts';
import type { LookAtOrder } from './look-at-order.ts';
import { alreadyExists, isSame, type ProposedOrder, refused } from './place-order.ts';

interface Dependencies {
  readonly reader: OrderReader;
  readonly look: LookAtOrder;
  /** How long a quote may take to work out, in milliseconds. */
  readonly limitMs: number;
}

/** What an order would be: priced; or the order itself, where the same caller has sent it before. */
export type Quote =
  | { readonly kind: 'quote'; readonly order: JudgedOrder }
  | { readonly kind: 'stored'; readonly order: OrderInFull };

/**
 * Works out what an order would be, and stores nothing. Stock that cannot be read does not stand in the way: a price
 * does not depend on it.
 * @throws Refusal ORDER_REFUSED, ORDER_ALREADY_EXISTS, DEPENDENCY_UNAVAILABLE
 */
export async function quoteOrder(
  { reader, look, limitMs }: Dependencies,
  { submission, choseId, callerId, record }: ProposedOrder,
): Promise<Quote> {
  const stored = choseId ? await reader.find(submission.orderId) : undefined;
  if (stored !== undefined) {
    const contentHash = contentHashOf({ submission, bytes: record.value });
    if (!isSame(stored, { callerId, contentHash })) throw alreadyExists(stored.orderId);
    return { kind: 'stored', order: stored };
  }
  const { judged, cause, violations } = await look(submission, limitMs);
  if (violations.length > 0) throw refused(violations);
  if (judged === undefined) {
    throw new Refusal('DEPENDENCY_UNAVAILABLE', 'customer or products cannot be read now: repeat later', {
      cause,
    });
  }
  return { kind: 'quote', order: judged };
}
