import type { Freshness } from '../domain/enrichment.ts';

/**
 * Memoizes a value computed from a customer or product, its freshness and a currency, for as long as all three stay the
 * same: orders share cache entries, and most of what is written for an order is computed from them.
 */
export function memoizeByEntry<V extends object, R>(
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
