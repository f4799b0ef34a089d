import { setTimeout as sleep } from 'node:timers/promises';
import { readers, topics } from '@orderflow/contracts';
import type pg from 'pg';
import type { Broker } from './consumer-run.ts';
import type { Bench } from './on-fresh-system.ts';
import type { PlainOrder } from './orders.ts';
import { resultOf, startProgram } from './program.ts';
import { percentile } from './report.ts';
import { type Usage, usedBy } from './usage.ts';

/** A benchmark with its connections to Postgres and Kafka. */
export interface SagaBench extends Bench {
  /** The order service's database. */
  readonly pool: pg.Pool;
  readonly broker: Broker;
}

/** The states whose time is measured. */
export const states = ['ACCEPTED', 'RESERVED', 'CONFIRMED', 'COMPLETED'] as const;
export type State = (typeof states)[number];

/** Orders at a steady rate. */
export interface SteadyRun {
  readonly orders: number;
  /** Since the order was created, in milliseconds. */
  readonly latencies: Readonly<Record<State, { readonly p50: number; readonly p99: number }>>;
  readonly used: Usage;
  readonly lateP99Ms: number;
}

/** A backlog, from the moment when its consumer may begin until its last order is COMPLETED. */
export interface BacklogRun {
  readonly orders: number;
  readonly seconds: number;
  readonly used: Usage;
}

/** Longer than any load takes, in milliseconds. */
const settledWithinMs = 600_000;

/**
 * Creates orders at a steady rate and waits until they have settled.
 *
 * The time of an order is read from Postgres: `create_time` of its history row of a state minus its own. Both are the
 * database's clock at the start of the transaction that wrote the row.
 */
export async function atRate(
  bench: SagaBench,
  {
    prefix,
    rate,
    forSeconds,
  }: { readonly prefix: string; readonly rate: number; readonly forSeconds: number },
): Promise<SteadyRun> {
  const orders = rate * forSeconds;
  let lateP99Ms = Number.NaN;
  const used = await usedBy(bench, async () => {
    const { url } = bench.system.services['order-api'];
    const sender = startProgram(bench, 'steady-load', url, prefix, String(orders), String(rate));
    ({ lateP99Ms } = (await resultOf(sender)) as { readonly lateP99Ms: number });
    await untilSettled(bench, prefix, orders);
  });
  const { rows } = await bench.pool.query<{ state: string; ms: number }>(
    `select h.state, (extract(epoch from h.create_time - o.create_time) * 1000)::float8 as ms
     from orders o join order_history h on h.order_id = o.id where o.id like $1`,
    [`${prefix}-%`],
  );
  const latencyOf = (state: State) => {
    const all = rows.filter((row) => row.state === state).map(({ ms }) => ms);
    return [state, { p50: percentile(all, 0.5), p99: percentile(all, 0.99) }];
  };
  return { orders, latencies: Object.fromEntries(states.map(latencyOf)), used, lateP99Ms };
}

/**
 * Sends orders to the topic while their consumer is frozen, lets it continue and waits until they have settled. What
 * the broker uses to store them counts; the time that it takes does not.
 */
export async function sendBacklog(
  bench: SagaBench,
  prefix: string,
  orders: readonly PlainOrder[],
): Promise<BacklogRun> {
  const worker = bench.system.services['order-worker'];
  let beganAt = Number.NaN;
  const used = await usedBy(bench, async () => {
    worker.freeze();
    await bench.broker.send(topics.orders, orders);
    beganAt = Date.now();
    worker.thaw();
    await untilSettled(bench, prefix, orders.length);
  });
  const { rows } = await bench.pool.query<{ ms: number }>(
    `select (extract(epoch from max(create_time)) * 1000)::float8 as ms
     from order_history where state = 'COMPLETED' and order_id like $1`,
    [`${prefix}-%`],
  );
  return { orders: orders.length, seconds: ((rows[0]?.ms ?? Number.NaN) - beganAt) / 1000, used };
}

/**
 * Waits until at least `count` orders exist, all are COMPLETED, or in another of `ends`, and all that follows from it is
 * done: every group has read its topics.
 */
export async function untilSettled(
  { pool, broker }: SagaBench,
  prefix: string,
  count: number,
  ends: readonly string[] = ['COMPLETED'],
): Promise<void> {
  const deadline = performance.now() + settledWithinMs;
  const like = `${prefix}-%`;
  while (!(await haveEnded(pool, like, count, ends))) {
    if (performance.now() > deadline) {
      const { rows } = await pool.query(
        'select state, count(*)::int as count from orders where id like $1 group by state',
        [like],
      );
      throw new Error(`${count} orders ${prefix} are not all ${ends.join(' or ')}: ${JSON.stringify(rows)}`);
    }
    await sleep(500);
  }
  for (const [topic, group] of readers) {
    while ((await broker.lag(topic, group)) > 0) await sleep(100);
  }
}

async function haveEnded(
  pool: pg.Pool,
  like: string,
  count: number,
  ends: readonly string[],
): Promise<boolean> {
  // One that has not is found soon; they are counted only when there is none.
  const { rowCount } = await pool.query(
    'select from orders where id like $1 and state <> all ($2::text[]) limit 1',
    [like, ends],
  );
  if (rowCount !== 0) return false;
  const { rows } = await pool.query('select count(*)::int as count from orders where id like $1', [like]);
  return rows[0].count >= count;
}
