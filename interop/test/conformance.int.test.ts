import { expect, test } from 'vitest';
import { callConformance } from '../conformance/client.ts';
import { serveConformance } from '../conformance/server.ts';
import { runConformance } from '../src/conformance.ts';
import { reasonToSkipGo } from '../src/go.ts';

const skipped = reasonToSkipGo();
if (skipped) console.warn(`Skipped: ${skipped}`);

/** Of both together, each with its reason in `interop/conformance/excluded-*.txt`. */
const MAX_EXCLUDED = 3;
let excludedSoFar = 0;

// A configuration that declares less would pass too, but for the number of cases.
test.skipIf(skipped !== undefined).for([
  {
    mode: 'server',
    underTest: serveConformance,
    minCases: 1900,
    declares: 'all protocols, both HTTP versions, protobuf and JSON, gzip',
  },
  {
    mode: 'client',
    underTest: callConformance,
    minCases: 329,
    declares: 'gRPC over HTTP/2, Connect over HTTP/1.1, protobuf',
  },
] as const)(
  'the $mode passes the official conformance suite: $declares',
  { timeout: 900_000 },
  async ({ mode, underTest, minCases }) => {
    const { cases, failed, excluded, text } = await runConformance(mode, underTest);
    console.log(`Conformance of the ${mode}: ${cases} cases, ${failed} failed, ${excluded} excluded.`);
    expect(failed, text).toBe(0);
    excludedSoFar += excluded;
    expect(excludedSoFar).toBeLessThanOrEqual(MAX_EXCLUDED);
    expect(cases).toBeGreaterThanOrEqual(minCases);
  },
);
