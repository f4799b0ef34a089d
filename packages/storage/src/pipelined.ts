/**
 * Sends statements of one transaction that do not need each other's results at once, in their order. Throws the error
 * of the first that failed, after all have ended: none may reach the server after the rollback, on a connection that
 * belongs to another transaction by then.
 */
export async function pipelined(...statements: readonly (() => Promise<unknown>)[]): Promise<void> {
  const ended = await Promise.allSettled(statements.map(async (send) => send()));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}
