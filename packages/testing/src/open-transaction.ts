/** Begins a transaction that stays open until the test ends it. */
export async function openTransaction<Transaction>(database: {
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
}) {
  const { promise: opened, resolve: open } = Promise.withResolvers<Transaction>();
  const { promise: over, resolve, reject } = Promise.withResolvers<void>();
  const ended = database.transaction((transaction) => {
    open(transaction);
    return over;
  });
  return {
    transaction: await Promise.race([opened, ended.then(() => opened)]),
    async commit() {
      resolve();
      await ended;
    },
    async rollback() {
      reject(new Error('rolled back'));
      await ended.catch(() => {});
    },
  };
}
