import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '@orderflow/devstack';
import type { System } from '@orderflow/e2e/system';
import type { TestProcess } from '@orderflow/testing/process';
import pg from 'pg';
import { onFreshSystem } from './on-fresh-system.ts';
import { fillOutbox } from './outbox.ts';
import { cpuSeconds } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { type Figure, median } from './report.ts';

/** Rounds come in pairs, A B B A, so that a machine that slows down slows both alike. */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 6);
const counts = { calls: 4_000, rows: 30_000 };
/** Not one that a worker reads. */
const relayTopic = 'order-events';

interface LoadRun {
  readonly calls: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const rateOf = (runs: readonly { readonly seconds: number }[], count: number) =>
  count / median(runs.map(({ seconds }) => seconds));

/** Measures CreateOrder against an RPC that does nothing and against its SQL, and the relay against its two halves. */
export function benchApi(): Promise<boolean> {
  const name = 'api';
  const title = 'order API and relay: against what they are made of';
  return onFreshSystem(
    { name, title, env: { LOG_LEVEL: 'warn' } },
    async ({ stack, system, running, say }) => {
      await Promise.all([system.services['enrichment-stub'].start(), system.services.inventory.start()]);
      const calls = await measureCalls(stack, system, running, say);
      await system.stop();
      return [...calls, ...(await measureRelay(stack, system, running, say))];
    },
  );
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
  const sql: { readonly seconds: number }[] = [];
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

  const rates = {
    taken: rateOf(taken, counts.calls),
    nothing: rateOf(nothing, counts.calls),
    sql: rateOf(sql, counts.calls),
  };
  return [
    { name: 'CreateOrder that does nothing: rate', value: rates.nothing, unit: 'calls/s' },
    { name: 'SQL of CreateOrder alone: rate', value: rates.sql, unit: 'orders/s' },
    { name: 'CreateOrder: rate', value: rates.taken, unit: 'calls/s' },
    { name: 'CreateOrder: p50', value: median(taken.map(({ p50Ms }) => p50Ms)), unit: 'ms' },
    { name: 'CreateOrder: p99', value: median(taken.map(({ p99Ms }) => p99Ms)), unit: 'ms' },
    {
      name: 'CreateOrder: CPU of the API',
      value: (median(taken.map((run) => run.cpuSeconds)) / (counts.calls + 1_000)) * 1_000,
      unit: 'CPU s/1000 orders',
    },
    {
      name: 'CreateOrder / the slower of the two',
      value: rates.taken / Math.min(rates.nothing, rates.sql),
      unit: '×',
      target: '>= 0.6',
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
  const relayed: { seconds: number }[] = [];
  const produced: { seconds: number }[] = [];
  const drained: { seconds: number }[] = [];
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
    (await resultOf(startProgram({ stack, running }, 'relay-stage', name, String(counts.rows)))) as {
      seconds: number;
    };
  const measureHalves = async () => {
    produced.push(await stage('produce'));
    drained.push(await stage('drain'));
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

  const rates = {
    relayed: rateOf(relayed, counts.rows),
    produced: rateOf(produced, counts.rows),
    drained: rateOf(drained, counts.rows),
  };
  return [
    { name: 'raw produce: rate', value: rates.produced, unit: 'rows/s' },
    { name: 'raw select + delete: rate', value: rates.drained, unit: 'rows/s' },
    { name: 'relay: rate', value: rates.relayed, unit: 'rows/s' },
    {
      name: 'relay / the slower of the two',
      value: rates.relayed / Math.min(rates.produced, rates.drained),
      unit: '×',
      target: '>= 0.7',
    },
  ];
}
