/** How often each method was called and each id was requested, since the start or the last reset. */
export interface CallCounts {
  count(method: string, ids: readonly string[]): void;
  /** By method name, and by id over all methods. */
  read(): { calls: Record<string, bigint>; ids: Record<string, bigint> };
  reset(): void;
}

/** Creates counts in memory, for this process only. */
export function createCallCounts(): CallCounts {
  const calls = new Map<string, bigint>();
  const idsAsked = new Map<string, bigint>();
  const raise = (counts: Map<string, bigint>, key: string) => counts.set(key, (counts.get(key) ?? 0n) + 1n);
  return {
    count(method, ids) {
      raise(calls, method);
      for (const id of ids) raise(idsAsked, id);
    },
    read: () => ({ calls: Object.fromEntries(calls), ids: Object.fromEntries(idsAsked) }),
    reset() {
      calls.clear();
      idsAsked.clear();
    },
  };
}
