/**
 * Resolves to the result of `work`, or rejects with `late()` when it takes longer than `ms`. The work itself continues.
 * The timer keeps the process alive, so that the limit is reached even when nothing else is pending.
 */
export async function withinMs<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whole milliseconds since a `performance.now()`. */
export function elapsedMs(since: number): number {
  return Math.round(performance.now() - since);
}
