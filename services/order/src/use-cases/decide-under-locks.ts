import type { OrderLocks } from '../ports.ts';
import type { DecideOrders } from './decide-orders.ts';

/**
 * Decides orders while other workers are kept from the same ones. Deciding twice is harmless; after a rebalance it is
 * double work, and that is all the locks are for.
 */
export function decideUnderLocks(decideOrders: DecideOrders, locks: OrderLocks): DecideOrders {
  return async (received) => {
    const ids = [...new Set(received.map(({ submission }) => submission.orderId))];
    const release = await locks.acquire(ids);
    try {
      return await decideOrders(received);
    } finally {
      await release();
    }
  };
}
