import { optionalGroups, readers } from '@orderflow/contracts';
import { lagsOf, type TopicOffsets } from '@orderflow/messaging';
import type { Query, Stores } from '../stores.ts';
import { terminalStates } from './finding.ts';

/** How many of the orders in flight are named. */
const MAX_NAMED = 3;

/** Lists the work in flight, one line each; empty when there is none. */
export async function workInFlight(stores: Stores, offsets: TopicOffsets): Promise<string[]> {
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
    .orders<{ state: string; count: number; oldest: string[] }>(
      `select state, count(*)::int as count, (array_agg(id order by update_time, id))[1:${MAX_NAMED}] as oldest from orders
       where needs_attention is null and state <> all ($1::text[]) group by state order by state`,
      [[...terminalStates]],
    )
    .then((rows) =>
      rows.map(({ state, count, oldest }) => `${count} orders ${state}: ${named(oldest, count)}`),
    );
  // Refunds of completed orders are visible only here.
  const asking = stores
    .payment<{ state: string; count: number; oldest: string[] }>(
      `select state, count(*)::int as count, (array_agg(order_id order by update_time, order_id))[1:${MAX_NAMED}] as oldest
       from payment where next_attempt_time is not null group by state order by state`,
    )
    .then((rows) =>
      rows.map(
        ({ state, count, oldest }) =>
          `${count} payments ${state}, with a gateway call due: ${named(oldest, count)}`,
      ),
    );
  const backfill = stores
    .enrichment<{ count: number }>('select count(*)::int as count from order_backfill where not done')
    .then(([row]) => (row?.count ? ['earlier orders are not counted for their customers yet'] : []));
  return (await Promise.all([...pending, ...behind, open, asking, backfill])).flat();
}

/** Lists the orders that have waited longest; an ellipsis stands for the others. */
function named(oldest: readonly string[], count: number): string {
  return [...oldest, ...(count > oldest.length ? ['…'] : [])].join(', ');
}

async function lagOf(offsets: TopicOffsets, topic: string, group: string): Promise<bigint> {
  if (optionalGroups.includes(group) && !(await hasRead(offsets, topic, group))) return 0n;
  const lags = await lagsOf(offsets, topic, group);
  return lags.reduce((sum, { lag }) => sum + lag, 0n);
}

async function hasRead(offsets: TopicOffsets, topic: string, group: string): Promise<boolean> {
  return (await offsets.ranges(topic)) !== undefined && (await offsets.committed(group, topic)).size > 0;
}
