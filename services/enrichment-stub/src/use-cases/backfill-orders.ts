import type { BackfillProgress, InBackfill, Orders } from '../ports.ts';

interface Dependencies {
  readonly orders: Orders;
  readonly readProgress: () => Promise<BackfillProgress>;
  readonly inTransaction: InBackfill;
}

/**
 * Counts the next page of the order service's orders; returns whether all of them are counted. The list begins with the
 * newest order: one that is created meanwhile is on no later page, and its events are on the topic.
 * @throws what reading the page throws; then nothing has changed.
 */
export async function backfillOrders(
  { orders, readProgress, inTransaction }: Dependencies,
  signal: AbortSignal,
): Promise<boolean> {
  const { pageToken, done } = await readProgress();
  if (done) return true;
  const page = await orders.page(pageToken, signal);
  return inTransaction(async (transaction) => {
    const locked = await transaction.lockProgress();
    // Another instance has counted this page.
    if (locked.done || locked.pageToken !== pageToken) return locked.done;
    transaction.count(page?.accepted ?? []);
    // A refused token is one of an order service that has made its tokens anew: the first page is next.
    const next = { pageToken: page?.nextPageToken ?? '', done: page?.nextPageToken === '' };
    transaction.moveTo(next);
    return next.done;
  });
}
