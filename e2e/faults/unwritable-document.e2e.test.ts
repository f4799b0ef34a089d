import { deadLetterTopic, groups, topics } from '@orderflow/contracts';
import { isSettled } from '@orderflow/local/audit';
import { recordOf } from '@orderflow/local/orders';
import { eventually } from '@orderflow/testing';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startRun, violations } from '../src/grid.ts';

/** 200 of them are more than the 16 MiB that a document may have. */
const descriptionLength = 90_000;

test('one document that MongoDB cannot hold is dead-lettered; the 499 orders around it are shown', async () => {
  await using run = await startRun('faults-unwritable', { SLICE_SIZE: '500' });
  const productIds = Array.from({ length: 210 }, (_, index) => `p-${1_001 + index}`)
    .filter((id) => run.prices.has(id) && !isRetired(id))
    .slice(0, 200);
  await describeAtLength(run.env, productIds);

  const good = Array.from({ length: 499 }, (_, index) =>
    run.order(`beside-${index}`, `c-${1 + (index % 40)}`, 'p-1'),
  );
  const lines = productIds.map((productId) => ({ productId, quantity: 1 }));
  const huge = recordOf({ orderId: 'huge', customerId: 'c-1', lines }, 'protobuf');
  const asSent = { ...run.order('huge', 'c-1', ...productIds), record: huge };
  await run.sendTo(1, good.slice(0, 250));
  await run.sendTo(1, [asSent]);
  await run.sendTo(1, good.slice(250));

  await eventually(() => isSettled(run.stores, run.sent), { timeoutMs: 60_000 });
  // Decided and published like any other; only its document is missing.
  const found = await violations(run, run.sent);
  expect(found).toEqual([
    'every order has a document in MongoDB with the same outcome, reasons and total: huge: no document',
    'the progress of every document matches the order: huge: progress is undefined',
  ]);
  const letters = await run.stores.readTopic(deadLetterTopic(topics.orders, groups.orderWorker));
  expect(letters.map(({ value, headers }) => [value?.equals(huge.value), headers['dlq_reason']])).toEqual([
    [true, 'DOCUMENT_REFUSED'],
  ]);
});

function isRetired(productId: string): boolean {
  return Number(productId.slice(2)) % 50 === 0;
}

/** No order can be too large by itself: the catalogue has to break its own contract, which says 2,000 characters. */
async function describeAtLength(env: Readonly<Record<string, string>>, productIds: readonly string[]) {
  const database = `${env['DATABASE_PREFIX']}enrichment`;
  const client = new pg.Client({ connectionString: `${env['POSTGRES_URL']}/${database}` });
  await client.connect();
  try {
    const sql = "update product set description = repeat('x', $2) where product_id = any($1)";
    const { rowCount } = await client.query(sql, [productIds, descriptionLength]);
    expect(rowCount).toBe(200);
  } finally {
    await client.end();
  }
}
