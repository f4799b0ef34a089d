import { createTestSystem, expectAllSettled, sendOrders } from '@orderflow/e2e/test-system';
import { readPrices } from '@orderflow/local/catalogue';
import { makeOrders } from '@orderflow/local/orders';
import { enrichmentPath } from '@orderflow/local/system';
import { expect, test } from 'vitest';
import { runE2e } from '../src/e2e-suites.ts';
import { buildGo, reasonToSkipGo } from '../src/go.ts';

const skipped = reasonToSkipGo();
if (skipped) console.warn(`Skipped: ${skipped}`);

test.skipIf(skipped !== undefined)(
  '100 orders are decided against the enrichment API in Go, with no change but its URL',
  { timeout: 900_000 },
  async () => {
    const { enrichmentServer } = await buildGo();
    await using system = await createTestSystem('go-enrichment', { ENRICHMENT_SERVER: enrichmentServer });
    const { services, stores } = system;
    await system.start(enrichmentPath);
    // One of 101 cannot be read.
    const prices = await readPrices(services['enrichment-stub'].url);
    const formats = ['protobuf', 'plain_json', 'protobuf_json'] as const;
    const orders = makeOrders({ prefix: 'go', count: 101, prices, formats });
    await sendOrders(stores, orders);
    await expectAllSettled(stores, orders);
  },
);

test.skipIf(skipped !== undefined)(
  'tests of faults and of the cache pass against it: one of each kind; all of them are in long/',
  { timeout: 900_000 },
  async () => {
    const { enrichmentServer } = await buildGo();
    const result = await runE2e({
      config: 'vitest.faults.config.ts',
      files: ['faults/cache-truth', 'faults/enrichment-api'],
      only: 'is read from the API by the next|can order at once|are used while the API is down|changes are not read|is left alone',
      env: { ENRICHMENT_SERVER: enrichmentServer },
    });
    expect(result).toMatch(/Tests\s+6 passed/);
  },
);
