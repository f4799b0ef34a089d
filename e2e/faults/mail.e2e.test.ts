import { expect, test } from 'vitest';
import { mailChaos } from '../src/mail-chaos.ts';

test('100 orders, a mail server that fails in every way, a service that is killed in every round: no mail is lost', async () => {
  const { mails } = await mailChaos({ name: 'mail', orders: 100, rounds: 8, seed: 20_261_130 });
  expect(mails).toBeGreaterThan(100);
});
