import type { OrderLocks } from '../ports.ts';
import type { DecideOrders } from './decide-orders.ts';

/**
 * Decides orders while other workers are kept from deciding the same ones. Deciding twice is harmless; the locks only
 * avoid double work after a rebalance.
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
