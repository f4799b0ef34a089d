import type { Stores } from '../src/stores.ts';

/** How orders ended, and how long that took. */
export interface Outcome {
  /** By state, and by reason where there is one. */
  readonly ends: readonly {
    readonly state: string;
    readonly reason: string | null;
    readonly count: number;
  }[];
  /** From the order's first transition to its last, in seconds. */
  readonly latency: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
}

/** Reads the outcome of all orders from the order service's database. */
export async function readOutcome(stores: Stores): Promise<Outcome> {
  const ends = await stores.query<Outcome['ends'][number]>(`
    select state, cancel_reason as reason, count(*)::int as count
    from orders group by state, cancel_reason order by count desc, state, reason`);
  const [latency] = await stores.query<Outcome['latency']>(`
    with taken as (
      select extract(epoch from max(create_time) - min(create_time))::float8 as seconds
      from order_history group by order_id
    )
    select percentile_cont(0.5) within group (order by seconds) as p50,
      percentile_cont(0.95) within group (order by seconds) as p95,
      percentile_cont(0.99) within group (order by seconds) as p99, max(seconds) as max
    from taken`);
  return { ends, latency: latency ?? { p50: 0, p95: 0, p99: 0, max: 0 } };
}
