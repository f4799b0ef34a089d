import { expect, test } from 'vitest';
import { mailChaos } from '../src/mail-chaos.ts';

test('1,000 orders, a mail server that fails in every way, a service that is killed 40 times: no mail is lost', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}; SEED=${seed} repeats it`);
  const { mails, repeats } = await mailChaos({ name: 'mail-long', orders: 1_000, rounds: 40, seed });
  console.log(`${mails} mails, ${repeats} of them twice`);
  expect(mails).toBeGreaterThan(1_000);
});
