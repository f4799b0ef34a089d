/**
 * Sends statements of one transaction that do not need each other's answers at once, in their order. Throws what the
 * first of them has failed with, once all have ended: none may reach the server after the rollback, on a connection
 * that is somebody else's by then.
 */
export async function sendTogether(...statements: readonly (() => Promise<unknown>)[]): Promise<void> {
  const ended = await Promise.allSettled(statements.map(async (send) => send()));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}
