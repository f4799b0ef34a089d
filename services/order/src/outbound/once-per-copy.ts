import type { Freshness } from '../domain/enrichment.ts';

/**
 * Computes something of a customer or product, as fresh as it is and in a currency, once for as long as all three stay
 * the same: orders share the copies in the cache, and copies are most of what is written of an order.
 */
export function oncePerCopy<V extends object, R>(
  compute: (value: V, freshness: Freshness, currency: string) => R,
): (value: V, freshness: Freshness, currency: string) => R {
  const known = new WeakMap<V, { fetchedAt: number; stale: boolean; currency: string; result: R }>();
  return (value, freshness, currency) => {
    const before = known.get(value);
    const fetchedAt = freshness.fetchTime.getTime();
    const { stale } = freshness;
    if (before?.fetchedAt === fetchedAt && before.stale === stale && before.currency === currency) {
      return before.result;
    }
    const result = compute(value, freshness, currency);
    known.set(value, { fetchedAt, stale, currency, result });
    return result;
  };
}
