import { startWhole, type Whole } from '@orderflow/e2e/whole';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Column, columns } from '../src/cases/case-schema.ts';
import { whyImpossible } from '../src/cases/impossible.ts';
import { loadCases } from '../src/cases/load-cases.ts';
import { createNames } from '../src/cases/names.ts';
import { prepare, runCell, type Target } from '../src/cases/run-cell.ts';
import { createTokens } from '../src/cases/tokens.ts';
import { type BrowserPage, openBrowserPage } from '../src/clients/chromium.ts';
import type { Client } from '../src/clients/client.ts';
import { createConnectEs } from '../src/clients/connect-es.ts';
import { buildContracts } from '../src/clients/contracts.ts';
import { openClients } from '../src/clients/open-clients.ts';

const contracts = await buildContracts();
const { cases, before } = loadCases();
let system: Whole;
let page: BrowserPage;
let target: Target;
let clients: ReadonlyMap<Column, Client>;

beforeAll(async () => {
  page = await openBrowserPage(contracts);
  system = await startWhole(
    'cases',
    // Orders whose charges are declined for the time being wait for longer than a case takes.
    { CORS_ORIGINS: page.origin, PAYMENT_RETRY_DELAYS: '5s,60s' },
    { auth: true },
  );
  const urlOf: Target['urlOf'] = (server) => system.services[server].url;
  const signingKey = async () => {
    const [row] = await system.stores.query('select jwk from signing_key', [], 'identity');
    return row?.['jwk'];
  };
  target = {
    urlOf,
    tokens: createTokens(system.env['AUTH_ISSUER'] ?? '', signingKey),
    namesOf: createNames(),
    preparing: createConnectEs(contracts),
  };
  await prepare(target, before);
  clients = await openClients({ contracts, apiUrl: urlOf('order-api'), page });
}, 300_000);

afterAll(async () => {
  await Promise.all([...(clients?.values() ?? [])].map((client) => client.stop?.()));
  await page?.stop();
  await system?.[Symbol.asyncDispose]();
});

/** Runs functions with the same name one after the other. */
function oneByOne(name: string, run: () => Promise<void>): Promise<void> {
  const result = (last.get(name) ?? Promise.resolve()).then(run, run);
  last.set(name, result);
  return result;
}
const last = new Map<string, Promise<void>>();

const slug = (column: Column) => column.toLowerCase().replaceAll(' ', '-');

describe.concurrent.each(columns)('%s', (column) => {
  cases.forEach((each, index) => {
    if (whyImpossible(each, column, contracts) !== undefined) return;
    test(`${each.topic}: ${each.name}`, { timeout: 300_000 }, async () => {
      const client = clients.get(column);
      if (client === undefined) return expect.fail('the client is missing');
      const run = () => runCell(target, each, { client, id: `${slug(column)}-${index}` });
      await (each.alone === undefined ? run() : oneByOne(each.alone, run));
    });
  });
});
