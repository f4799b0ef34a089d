import type { PartitionLocks } from '../ports.ts';
import type { DecideOrders } from './decide-orders.ts';

/**
 * Decides orders while other workers are kept from deciding records of the same partitions. Deciding twice is harmless; the locks only
 * avoid double work after a rebalance.
 */
export function decideUnderLocks(decideOrders: DecideOrders, locks: PartitionLocks): DecideOrders {
  return async (received) => {
    const partitions = new Set(received.map(({ source }) => `${source.topic}/${source.partition}`));
    const release = await locks.acquire([...partitions]);
    try {
      return await decideOrders(received);
    } finally {
      await release();
    }
  };
}
