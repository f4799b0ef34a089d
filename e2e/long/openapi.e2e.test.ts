import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { runSchemathesis } from '../src/schemathesis.ts';
import { startWhole } from '../src/whole.ts';

test('the order API responds to 10,000 made-up requests as its OpenAPI document says', async () => {
  await using whole = await startWhole('openapi-long');
  await whole.place({ orderId: 'o-1', lines: { 'p-1': 1 } });
  const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
  console.log(`seed ${seed}; SEED=${seed} repeats it`);
  const { cases, isClean, text } = await runSchemathesis({
    url: whole.services['order-api'].url,
    seed,
    maxExamples: 200,
    phases: ['examples', 'coverage', 'fuzzing', 'stateful'],
  });
  console.log(`schemathesis: ${cases} cases`);
  expect(isClean, text).toBe(true);
  expect(cases).toBeGreaterThanOrEqual(10_000);
});
