import { groups, readers } from '@orderflow/contracts';
import type { TopicOffsets } from '@orderflow/messaging';
import { lagsOf } from '../lag.ts';
import type { Query, Stores } from '../stores.ts';
import { terminalStates } from './finding.ts';

/** What is still under way, a line each; empty at rest. */
export async function underWay(stores: Stores, offsets: TopicOffsets): Promise<string[]> {
  const outboxes: readonly (readonly [string, Query])[] = [
    ['order', stores.orders],
    ['inventory', stores.inventory],
    ['payment', stores.payment],
    ['enrichment', stores.enrichment],
  ];
  const pending = outboxes.map(async ([name, query]) => {
    const [row] = await query<{ count: number }>('select count(*)::int as count from outbox');
    return row?.count ? [`${row.count} events in the outbox of ${name}`] : [];
  });
  const behind = readers.map(async ([topic, group]) => {
    const lag = await lagOf(offsets, topic, group);
    return lag > 0n ? [`${lag} records of ${topic} not read by ${group}`] : [];
  });
  const open = stores
    .orders<{ state: string; count: number }>(
      `select state, count(*)::int as count from orders
       where needs_attention is null and state <> all ($1::text[]) group by state order by state`,
      [[...terminalStates]],
    )
    .then((rows) => rows.map(({ state, count }) => `${count} orders ${state}`));
  // Refunds of completed orders are seen nowhere else.
  const asking = stores
    .payment<{ state: string; count: number }>(
      `select state, count(*)::int as count from payment
       where next_attempt_time is not null group by state order by state`,
    )
    .then((rows) => rows.map(({ state, count }) => `${count} payments ${state}, to be taken to the gateway`));
  return (await Promise.all([...pending, ...behind, open, asking])).flat();
}

async function lagOf(offsets: TopicOffsets, topic: string, group: string): Promise<bigint> {
  // It only helps the cache: a system may do without it.
  if (group === groups.orderCache && !(await hasRead(offsets, topic, group))) return 0n;
  const lags = await lagsOf(offsets, topic, group);
  return lags.reduce((sum, { lag }) => sum + lag, 0n);
}

async function hasRead(offsets: TopicOffsets, topic: string, group: string): Promise<boolean> {
  return (await offsets.ranges(topic)) !== undefined && (await offsets.committed(group, topic)).size > 0;
}
