import { setTimeout as sleep } from 'node:timers/promises';
import { ordersCommand } from '@orderflow/local/clients';
import { serviceNames } from '@orderflow/local/system';
import { overloadFigures } from './overload/figures.ts';
import type { EndedOrder, LoadRun, MemorySample, Observed } from './overload/observed.ts';
import { residentMiB } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { report } from './report.ts';
import { type SagaBench, untilSettled } from './saga-loads.ts';
import { onWholeSystem } from './whole-system.ts';

const loadSeconds = Number(process.env['BENCH_SECONDS'] ?? 60);
/** Created as fast as the API takes them from 48 callers, which is faster than they are completed. */
const burstOrders = 2_000;
/** The states in which an order of this load can end. */
const ends = ['COMPLETED', 'REJECTED', 'CANCELLED'];

/**
 * Creates orders for a minute at twice the rate at which the system completes them, whether it responds or not, and
 * watches what becomes of the calls, of the orders and of the memory.
 */
export async function benchOverload(): Promise<boolean> {
  const title = `twice the load that saturates, for ${loadSeconds} s`;
  return report('overload', overloadFigures(await onWholeSystem({ title }, measure)));
}

async function measure(bench: SagaBench): Promise<Observed> {
  const { system, say } = bench;
  say(`a burst of ${burstOrders} orders: what saturates`);
  const saturation = await rateOfBurst(bench);
  const rate = Math.round(2 * saturation);
  say(`${saturation.toFixed(0)} orders a second saturate: ${rate} a second for ${loadSeconds} s`);

  const memory = sampleMemory(bench);
  const load = await create(bench, 'overload', rate * loadSeconds, rate);
  const loadEndedAt = Date.now();
  const waiting = await countOpen(bench);
  say(`${JSON.stringify(load.outcomes)}; ${waiting} orders have not ended`);
  await untilSettled(bench, 'overload', load.accepted.length, ends);
  const samples = memory.stop();
  const orders = await rowsOf(bench, 'overload');
  say('comparing all stores');
  const check = await ordersCommand(system.env, 'check');
  if (check.code !== 0) console.log(check.said);
  return { saturation, rate, load, waiting, loadEndedAt, orders, samples, isConsistent: check.code === 0 };
}

/** How many orders a second get from CreateOrder to their end, when as many as possible are in progress. */
async function rateOfBurst(bench: SagaBench): Promise<number> {
  const { accepted, outcomes } = await create(bench, 'burst', burstOrders, 'in-turn');
  bench.say(JSON.stringify(outcomes));
  await untilSettled(bench, 'burst', accepted.length, ends);
  const orders = await rowsOf(bench, 'burst');
  const first = Math.min(...orders.map(({ created }) => created));
  const last = Math.max(...orders.map(({ ended }) => ended));
  return orders.length / ((last - first) / 1_000);
}

async function create(
  bench: SagaBench,
  prefix: string,
  count: number,
  rate: number | 'in-turn',
): Promise<LoadRun> {
  const { url } = bench.system.services['order-api'];
  return (await resultOf(
    startProgram(bench, 'overload-load', url, prefix, String(count), String(rate)),
  )) as LoadRun;
}

async function rowsOf({ pool }: SagaBench, prefix: string): Promise<EndedOrder[]> {
  const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;
  const { rows } = await pool.query<EndedOrder>(
    `select id, o.state, ${ms('o.create_time')} as created, ${ms('h.create_time')} as ended
     from orders o join order_history h on h.order_id = o.id and h.revision = o.revision where o.id like $1`,
    [`${prefix}-%`],
  );
  return rows;
}

async function countOpen({ pool }: SagaBench): Promise<number> {
  const { rows } = await pool.query(
    'select count(*)::int as count from orders where state <> all ($1::text[])',
    [ends],
  );
  return rows[0].count;
}

/** Reads the memory of all our processes, twice a second, until it is stopped. */
function sampleMemory({ system }: SagaBench): { stop(): MemorySample[] } {
  const samples: MemorySample[] = [];
  const stopping = new AbortController();
  void (async () => {
    while (!stopping.signal.aborted) {
      const mib = serviceNames.map((name) => [name, residentMiB(system.services[name].pid())] as const);
      samples.push({ at: Date.now(), mib: new Map(mib) });
      await sleep(500, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    stop() {
      stopping.abort();
      return samples;
    },
  };
}
