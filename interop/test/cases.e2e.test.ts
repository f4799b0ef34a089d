import { readFileSync } from 'node:fs';
import { reasonToSkipBrowser } from '@orderflow/e2e/chromium';
import { startWhole, type Whole } from '@orderflow/e2e/whole';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Case, type Column, columns } from '../src/cases/case-schema.ts';
import { whyImpossible } from '../src/cases/impossible.ts';
import { loadCases } from '../src/cases/load-cases.ts';
import { createNames } from '../src/cases/names.ts';
import { prepare, runCell, type Target } from '../src/cases/run-cell.ts';
import { polyglot, tableOf, withTable } from '../src/cases/table.ts';
import { createTokens } from '../src/cases/tokens.ts';
import { type BrowserPage, openBrowserPage } from '../src/clients/chromium.ts';
import type { Client } from '../src/clients/client.ts';
import { createConnectEs } from '../src/clients/connect-es.ts';
import { buildContracts } from '../src/clients/contracts.ts';
import { openClients, reasonToSkip } from '../src/clients/open-clients.ts';

const contracts = await buildContracts();
const { cases, before } = loadCases();
let system: Whole;
let page: BrowserPage | undefined;
let target: Target;
let clients: ReadonlyMap<Column, Client>;

beforeAll(async () => {
  page = reasonToSkipBrowser() === undefined ? await openBrowserPage(contracts) : undefined;
  const env = {
    CORS_ORIGINS: page?.origin ?? '',
    // Orders whose charges are declined for the time being wait for longer than a case takes.
    PAYMENT_RETRY_DELAYS: '5s,60s',
  };
  system = await startWhole('cases', env, { auth: true });
  const urlOf: Target['urlOf'] = (server) => system.services[server].url;
  const signingKey = async () => {
    const [row] = await system.stores.query('select jwk from signing_key', [], 'identity');
    return row?.['jwk'];
  };
  target = {
    contracts,
    urlOf,
    tokens: createTokens(system.env['AUTH_ISSUER'] ?? '', signingKey),
    namesOf: createNames(),
    preparing: createConnectEs(contracts),
    holding: createConnectEs(contracts),
  };
  await prepare(target, before);
  clients = await openClients({ contracts, apiUrl: urlOf('order-api'), page });
}, 900_000);

afterAll(async () => {
  await Promise.all([...(clients?.values() ?? [])].map((client) => client.stop?.()));
  await page?.stop();
  await system?.[Symbol.asyncDispose]();
});

/** Longer than the cases take that one with `alone` waits for. */
const timeout = 300_000;
const outcomes = new Map<string, 'passed' | 'failed'>();
const keyOf = (each: Case, column: Column) => `${column} ${each.name}`;

describe.concurrent.each(columns)('%s', (column) => {
  const skipped = reasonToSkip(column);
  if (skipped) console.warn(`${column} is skipped: ${skipped}`);
  const slug = column.toLowerCase().replaceAll(' ', '-');
  cases.forEach((each, index) => {
    if (whyImpossible(each, column, contracts) !== undefined) return;
    test.skipIf(skipped !== undefined)(`${each.topic}: ${each.name}`, { timeout }, async () => {
      const client = clients.get(column);
      if (client === undefined) throw new Error(`${column} was not started`);
      outcomes.set(keyOf(each, column), 'failed');
      const run = () => runCell(target, each, { client, id: `${slug}-${index}` });
      await (each.alone === undefined ? run() : oneByOne(each.alone, run));
      outcomes.set(keyOf(each, column), 'passed');
    });
  });
});

const last = new Map<string, Promise<void>>();

/** Runs functions with the same name one after the other. */
function oneByOne(name: string, run: () => Promise<void>): Promise<void> {
  const result = (last.get(name) ?? Promise.resolve()).then(run, run);
  last.set(name, result);
  return result;
}

// What follows runs after the others, which run together.

/** The sum of a metric of a process over all lines with these labels. */
async function metricOf(
  server: 'payment-gateway-stub' | 'order-api',
  name: string,
  labels: readonly string[],
) {
  const response = await fetch(`${system.services[server].url}/metrics`);
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith(name));
  if (lines.length === 0) throw new Error(`${server} has no metric ${name}`);
  const values = lines
    .filter((line) => labels.every((label) => line.includes(label)))
    .map((line) => Number(line.split(' ').at(1)));
  return values.reduce((sum, value) => sum + value, 0);
}

test('what a client cancels the server ends: a call is counted as cancelled, and no watch is left', async () => {
  const name = 'A call is cancelled by its client while it runs';
  const cancelled = [...outcomes].filter(([key, outcome]) => key.endsWith(name) && outcome === 'passed');
  const labels = ['method="Charge"', 'code="canceled"'];
  const count = await metricOf('payment-gateway-stub', 'orderflow_rpc_server_duration_count', labels);
  expect(count).toBeGreaterThanOrEqual(cancelled.length);
  await eventually(async () => expect(await metricOf('order-api', 'orderflow_watch_watchers', [])).toBe(0));
});

test('docs/polyglot.md has the table of this run: `pnpm interop -u` writes it', async ({ skip }) => {
  const isComplete = cases.every((each) =>
    columns.every((column) => whyImpossible(each, column, contracts) ?? outcomes.has(keyOf(each, column))),
  );
  const table = tableOf(cases, (each, column) => {
    const impossible = whyImpossible(each, column, contracts);
    if (impossible !== undefined) return { impossible };
    const outcome = outcomes.get(keyOf(each, column));
    return outcome && { outcome };
  });
  console.log(table);
  skip(!isComplete, 'not every case has run with every client');
  await expect(withTable(readFileSync(polyglot, 'utf8'), table)).toMatchFileSnapshot(polyglot);
});
