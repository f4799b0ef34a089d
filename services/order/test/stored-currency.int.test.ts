import { loadConfig, runComponents } from '@orderflow/runtime';
import { testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../src/app.ts';
import { settings } from '../src/config.ts';
import { createOrderStore } from '../src/outbound/postgres/order-store.ts';
import { ensureCurrency } from '../src/outbound/postgres/stored-currency.ts';
import { decide, submission } from './kit.ts';
import { limits } from './saga-kit.ts';
import { silent, testPostgres } from './stack-kit.ts';

const prefix = `${uniqueName('currency')}_`;
let database: Awaited<ReturnType<typeof testPostgres>>;
beforeAll(async () => {
  database = await testPostgres(`${prefix}order_service`);
});
afterAll(() => database?.[Symbol.asyncDispose]());

const query = (sql: string) => database.query<{ code: string }>(sql);
const ensure = (code: string) => database.transaction((transaction) => ensureCurrency(transaction, code));

test.each(['JPY', 'KWD', 'ZZZ', 'usd'])('%s is no setting', (CURRENCY) => {
  expect(() => loadConfig(settings, { ...testStack().urls, CURRENCY })).toThrow('CURRENCY');
});

test('the first start decides what the amounts of a database are in', async () => {
  await ensure('EUR');
  await ensure('EUR');
  expect(await query('select code from currency')).toEqual([{ code: 'EUR' }]);
  await expect(ensure('USD')).rejects.toThrow('CURRENCY is USD, but the amounts in this database are in EUR');
});

test('a database from before that was kept is in the currency of its orders', async () => {
  await query('delete from currency');
  await createOrderStore(database, { currency: 'USD', limits }).decide([
    {
      orderId: 'o-1',
      customerId: 'c-1',
      cause: 'orders/0/7',
      traceparent: undefined,
      contentHash: Buffer.alloc(32, 1),
      submission: { value: Buffer.alloc(0), contentType: undefined },
      decision: decide(submission()),
    },
  ]);
  await expect(ensure('EUR')).rejects.toThrow('in USD');
  await ensure('USD');
});

test('a process with another currency does not start', async () => {
  const env = { ...testStack().urls, DATABASE_PREFIX: prefix, CURRENCY: 'EUR', PORT: '0' };
  const app = await createApp(loadConfig(settings, env), ['api'], { logger: silent });
  const running = runComponents(app.components, { logger: silent, graceMs: 5_000 });
  await expect(running.start()).rejects.toThrow('set CURRENCY=USD');
});
