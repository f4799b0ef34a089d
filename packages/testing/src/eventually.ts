import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Repeats `attempt` until it neither throws nor returns false, and resolves to what it returned. When that takes
 * longer than `timeoutMs` (15,000), rejects with the last error, whose message then says how long it waited.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 15_000, intervalMs = 25 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const started = Date.now();
  for (;;) {
    let failure: unknown;
    try {
      const result = await attempt();
      if (result !== false) return result;
      failure = new Error('the condition stayed false');
    } catch (error) {
      failure = error;
    }
    const waitedMs = Date.now() - started;
    if (waitedMs >= timeoutMs) {
      const error = failure instanceof Error ? failure : new Error(String(failure));
      error.message = `after waiting ${waitedMs} ms: ${error.message}`;
      throw error;
    }
    await sleep(intervalMs);
  }
}
