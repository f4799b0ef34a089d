import { expect, test } from 'vitest';
import { runE2e } from '../src/e2e-suites.ts';
import { buildGo, reasonToSkipGo } from '../src/go.ts';

const skipped = reasonToSkipGo();
if (skipped) console.warn(`Skipped: ${skipped}`);

/** The suites in which the worker meets the enrichment API: with it, without it, and with one that misbehaves. */
const suites = [
  {
    config: 'vitest.config.ts',
    files: ['test/outages', 'test/relay-crashes', 'test/worker-graceful'],
  },
  {
    config: 'vitest.faults.config.ts',
    files: [
      'faults/cache-truth',
      'faults/chaos',
      'faults/dead-letters',
      'faults/enrichment-api',
      'faults/redis',
      'faults/stores',
      'faults/unwritable-document',
      'faults/workers',
    ],
  },
];

test.skipIf(skipped !== undefined).for(suites)(
  'the suites of the worker pass against the enrichment API in Go: $files',
  { timeout: 3_600_000 },
  async (suite) => {
    const { enrichmentServer } = await buildGo();
    const said = await runE2e({ ...suite, env: { ENRICHMENT_SERVER: enrichmentServer } });
    expect(said).toMatch(new RegExp(`Test Files\\s+${suite.files.length} passed`));
    expect(said).not.toMatch(/\d+ skipped/);
  },
);
