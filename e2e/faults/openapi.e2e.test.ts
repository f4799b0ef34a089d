import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reasonToSkipPython } from '../src/python.ts';
import { runSchemathesis } from '../src/schemathesis.ts';
import { startWhole, type Whole } from '../src/whole.ts';

const skipped = reasonToSkipPython();
if (skipped) console.warn(`Skipped: ${skipped}`);

describe('REST', () => {
  let whole: Whole;

  beforeAll(async () => {
    whole = await startWhole('openapi');
    // The order of the contract's examples.
    await whole.place({ orderId: 'o-1', lines: { 'p-1': 1 } });
  });
  afterAll(() => whole?.[Symbol.asyncDispose]());

  test.for(['order-api', 'enrichment-stub', 'inventory', 'payment', 'notification'] as const)(
    '%s has its document and its page',
    async (name) => {
      const { url } = whole.services[name];
      const [document, page] = await Promise.all(
        ['/openapi.json', '/docs'].map((path) => fetch(`${url}${path}`)),
      );
      expect([document?.status, page?.status]).toEqual([200, 200]);
      expect(await document?.json()).toMatchObject({
        openapi: '3.1.0',
        info: { title: `orderflow: ${name}` },
      });
    },
  );

  test.skipIf(skipped !== undefined)(
    'the order API responds to made-up requests as its OpenAPI document says',
    async () => {
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
    },
  );
});
