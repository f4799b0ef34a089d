import { createDatabase, eventually, testStack, uniqueName } from '@orderflow/testing';
import pg from 'pg';
import { expect, test } from 'vitest';
import { listenWith } from '../src/index.ts';

test('a notification arrives, also on the connection that replaces a lost one', async () => {
  const connectionString = await createDatabase(uniqueName('listen'));
  const sender = new pg.Client({ connectionString });
  await sender.connect();
  let notified = 0;
  const subscription = listenWith({ connectionString })('news', () => {
    notified += 1;
  });
  await eventually(() => subscription.isListening());
  const before = notified;
  await sender.query('notify news');
  await eventually(() => notified === before + 1);

  const { rowCount } = await sender.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen %'",
  );
  expect(rowCount).toBe(1);
  await eventually(() => !subscription.isListening());
  await eventually(() => subscription.isListening());
  // Something may have been sent meanwhile.
  expect(notified).toBeGreaterThan(before + 1);
  await subscription.close();
  await sender.end();
});

test('it can be closed while it connects, and when there is nobody to connect to', async () => {
  for (const connectionString of [
    `${testStack().urls.POSTGRES_URL}/postgres`,
    'postgres://127.0.0.1:1/none',
  ]) {
    await listenWith({ connectionString })('news', () => {}).close();
  }
});
