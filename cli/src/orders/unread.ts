import { groups, topics } from '@orderflow/contracts';
import { lagsOf, type TopicOffsets } from '@orderflow/messaging';

/**
 * Reports the records that the worker has not read yet, which may contain an unknown order; empty when there are none.
 */
export async function unread(offsets: TopicOffsets): Promise<string> {
  const lags = await lagsOf(offsets, topics.orders, groups.orderWorker);
  const lag = lags.reduce((sum, one) => sum + one.lag, 0n);
  if (lag === 0n) return '';
  return (
    `The group ${groups.orderWorker} has ${lag} records of ${topics.orders} still to read: the order may be among them. ` +
    'If the number does not decrease, the worker is not running or a partition is paused: see "pnpm orders stuck".'
  );
}
