/** Longer than the time between manual reloads of a page, shorter than any usual scrape interval. */
const MAX_AGE_MS = 3_000;

/**
 * Wraps an expensive reading for a gauge: the returned function reads at most once every `maxAgeMs` milliseconds,
 * however often it is called, and never twice at the same time. Errors are not cached.
 */
export function cachedReading<T>(read: () => Promise<T>, maxAgeMs = MAX_AGE_MS): () => Promise<T> {
  let last: { readonly value: T; readonly until: number } | undefined;
  let reading: Promise<T> | undefined;

  async function readOnce(): Promise<T> {
    try {
      const value = await read();
      last = { value, until: performance.now() + maxAgeMs };
      return value;
    } finally {
      reading = undefined;
    }
  }

  return async () => {
    if (last !== undefined && performance.now() < last.until) return last.value;
    reading ??= readOnce();
    return reading;
  };
}
