import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '@orderflow/devstack';
import type { System } from '@orderflow/local/system';
import type { TestProcess } from '@orderflow/testing/process';
import pg from 'pg';
import { measureAccess } from './access.ts';
import { onFreshSystem } from './on-fresh-system.ts';
import { fillOutbox } from './outbox.ts';
import { cpuSeconds } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { type Figure, median, report } from './report.ts';
import { measureRest } from './rest.ts';

/** Rounds come in pairs, A B B A, so that a change of the machine's speed affects both alike. */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 12);
const counts = { calls: 3_000, rows: 30_000 };
/** A topic that no worker reads. */
const relayTopic = 'order-events';

interface Run {
  readonly seconds: number;
}

interface LoadRun extends Run {
  readonly calls: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const rateOf = (runs: readonly Run[], count: number) => count / median(runs.map(({ seconds }) => seconds));

/**
 * The speed relative to the slower of its parts: the median of the ratios of each round. The speed of a machine changes
 * from one minute to the next by more than what is measured.
 */
const ratioOf = (whole: readonly Run[], ...parts: readonly (readonly Run[])[]) =>
  median(
    whole.map(({ seconds }, round) => Math.max(...parts.map((runs) => runs[round]?.seconds ?? 0)) / seconds),
  );

/** One part after the other, round by round. */
const inSeries = (a: readonly Run[], b: readonly Run[]): Run[] =>
  a.map(({ seconds }, round) => ({ seconds: seconds + (b[round]?.seconds ?? Number.NaN) }));

/** Measures CreateOrder against an empty RPC and against its SQL, REST against Connect, and the relay against its halves. */
export async function benchApi(): Promise<boolean> {
  const title = 'order API and relay: compared with their parts';
  const figures = await onFreshSystem(
    { title, env: { LOG_LEVEL: 'warn' } },
    async ({ stack, system, running, say }) => {
      await Promise.all([system.services['enrichment-stub'].start(), system.services.inventory.start()]);
      const calls = await measureCalls(stack, system, running, say);
      const rest = await measureRest(running, rounds, say);
      const access = await measureAccess(running, rounds, say);
      await system.stop();
      return [...calls, ...rest, ...access, ...(await measureRelay(stack, system, running, say))];
    },
  );
  return report('api', figures);
}

async function measureCalls(
  stack: Stack,
  system: System,
  running: TestProcess[],
  say: (text: string) => void,
): Promise<Figure[]> {
  const api = system.services['order-api'];
  await api.start();
  const empty = startProgram({ stack, running }, 'empty-api');
  const port = (await empty.waitForLine(/^port \d+$/)).split(' ')[1];
  const load = async (url: string, tag: string) =>
    (await resultOf(startProgram({ stack, running }, 'api-load', url, tag, String(counts.calls)))) as LoadRun;

  const taken: (LoadRun & { readonly cpuSeconds: number })[] = [];
  const nothing: LoadRun[] = [];
  const sql: Run[] = [];
  const measureApi = async (tag: string) => {
    const cpu = cpuSeconds(api.pid());
    const run = await load(api.url, tag);
    taken.push({ ...run, cpuSeconds: cpuSeconds(api.pid()) - cpu });
  };
  const measureParts = async (tag: string) => {
    nothing.push(await load(`http://127.0.0.1:${port}`, tag));
    sql.push(
      (await resultOf(
        startProgram({ stack, running }, 'order-sql', tag, String(counts.calls)),
      )) as (typeof sql)[number],
    );
  };
  say('warming up');
  await load(api.url, 'warm');
  await measureParts('warm');
  for (const list of [taken, nothing, sql]) list.length = 0;
  for (let round = 0; round < rounds; round += 1) {
    say(`calls: round ${round + 1} of ${rounds}`);
    const inTurn = [measureApi, measureParts];
    if (round % 2 === 1) inTurn.reverse();
    for (const each of inTurn) await each(`r${round}`);
  }
  await empty.kill();

  return [
    { name: 'CreateOrder that does nothing: rate', value: rateOf(nothing, counts.calls), unit: 'calls/s' },
    { name: 'SQL of CreateOrder alone: rate', value: rateOf(sql, counts.calls), unit: 'orders/s' },
    { name: 'CreateOrder: rate', value: rateOf(taken, counts.calls), unit: 'calls/s' },
    { name: 'CreateOrder: p50', value: median(taken.map(({ p50Ms }) => p50Ms)), unit: 'ms' },
    { name: 'CreateOrder: p99', value: median(taken.map(({ p99Ms }) => p99Ms)), unit: 'ms' },
    {
      name: 'CreateOrder: CPU of the API',
      value: (median(taken.map((run) => run.cpuSeconds)) / (counts.calls + 1_000)) * 1_000,
      unit: 'CPU s/1000 orders',
    },
    { name: 'CreateOrder / the slower of the two', value: ratioOf(taken, nothing, sql), unit: '×' },
    {
      name: 'CreateOrder / empty RPC and its SQL in series',
      value: ratioOf(taken, inSeries(nothing, sql)),
      unit: '×',
    },
  ];
}

async function measureRelay(
  stack: Stack,
  system: System,
  running: TestProcess[],
  say: (text: string) => void,
): Promise<Figure[]> {
  const pool = new pg.Pool({ connectionString: `${stack.urls.POSTGRES_URL}/order_service` });
  await pool.query('truncate outbox');
  await system.services['order-relay'].start();
  const relayed: Run[] = [];
  const produced: Run[] = [];
  const drained: Run[] = [];
  const handed: Run[] = [];
  const measureWhole = async () => {
    await fillOutbox(pool, relayTopic, counts.rows);
    const began = performance.now();
    for (;;) {
      const { rowCount } = await pool.query('select from outbox order by id desc limit 1');
      if (rowCount === 0) break;
      await sleep(20);
    }
    relayed.push({ seconds: (performance.now() - began) / 1000 });
  };
  const stage = async (name: string) =>
    (await resultOf(startProgram({ stack, running }, 'relay-stage', name, String(counts.rows)))) as Run;
  const measureHalves = async () => {
    produced.push(await stage('produce'));
    drained.push(await stage('drain'));
    handed.push(await stage('handed'));
  };
  await measureWhole();
  relayed.length = 0;
  for (let round = 0; round < rounds; round += 1) {
    say(`relay: round ${round + 1} of ${rounds}`);
    const inTurn = [measureWhole, measureHalves];
    if (round % 2 === 1) inTurn.reverse();
    for (const each of inTurn) await each();
  }
  await pool.end();

  return [
    { name: 'raw produce: rate', value: rateOf(produced, counts.rows), unit: 'rows/s' },
    { name: 'raw select + delete: rate', value: rateOf(drained, counts.rows), unit: 'rows/s' },
    { name: 'relay: rate', value: rateOf(relayed, counts.rows), unit: 'rows/s' },
    {
      name: 'relay / the slower of the two',
      value: ratioOf(relayed, produced, drained),
      unit: '×',
    },
    { name: 'rows sent from memory and deleted / raw produce', value: ratioOf(handed, produced), unit: '×' },
  ];
}
