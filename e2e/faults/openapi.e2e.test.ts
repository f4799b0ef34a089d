import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reasonToSkipPython, runSchemathesis } from '../src/schemathesis.ts';
import { startWhole, type Whole } from '../src/whole.ts';

const skipped = reasonToSkipPython();
if (skipped) console.warn(`Skipped: ${skipped}`);

describe.skipIf(skipped !== undefined)('the order API over REST', () => {
  let whole: Whole;

  beforeAll(async () => {
    whole = await startWhole('openapi');
    // The order of the contract's examples.
    await whole.place({ orderId: 'o-1', lines: { 'p-1': 1 } });
  });
  afterAll(() => whole?.[Symbol.asyncDispose]());

  test('responds to made-up requests as its OpenAPI document says', async () => {
    const seed = 1;
    const { cases, isClean, text } = await runSchemathesis({
      url: whole.services['order-api'].url,
      seed,
      maxExamples: 5,
      phases: ['examples', 'fuzzing'],
    });
    console.log(`schemathesis: seed ${seed}, ${cases} cases`);
    expect(isClean, text).toBe(true);
    expect(cases).toBeGreaterThanOrEqual(300);
  });
});
