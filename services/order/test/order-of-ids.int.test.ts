import { createDatabase, testStack, uniqueName } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { createOrderIntake } from '../src/outbound/postgres/order-intake.ts';
import { createOrderReader } from '../src/outbound/postgres/order-reader.ts';
import { createOrderStore } from '../src/outbound/postgres/order-store.ts';
import type { OrderKey } from '../src/ports.ts';
import { decide, line, submission } from './kit.ts';
import { limits } from './saga-kit.ts';
import { testPostgres } from './stack-kit.ts';

/** By English rules: _a -b .c a A ä b B 1. Order ids are ASCII, so the one that is not stands for older rows. */
const ids = ['b', 'A', '_a', 'B', '-b', 'a', '1', '.c', 'ä', 'a-1', 'a_1', 'a1', 'A-1'];
const byBytes = [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

/** A database as most servers make it: its texts sort by the rules of a language. */
async function englishPostgres() {
  const name = uniqueName('order');
  await createDatabase(name, { urls: testStack().urls, icuLocale: 'en-US' });
  return testPostgres(name);
}

test('ids are inserted in the order in which they are locked, and listed in, whatever language the database sorts by', async () => {
  await using database = await englishPostgres();
  const [sorted] = await database.query<{ ids: string[] }>(
    'select array_agg(id order by id) as ids from unnest($1::text[]) as id',
    [ids],
  );
  expect(sorted?.ids).not.toEqual(byBytes);
  const written = (table: string, column: string) =>
    database.query<Record<string, string>>(`select ${column} from ${table} order by ctid`);

  await createOrderStore(database, { currency: 'USD', limits }).decide(
    ids.map((id) => ({
      orderId: id,
      customerId: 'c-1',
      cause: 'orders/0/1',
      traceparent: undefined,
      contentHash: Buffer.alloc(32),
      submission: { value: Buffer.from('{}'), contentType: undefined },
      decision: decide(submission({ orderId: id, lines: [line({ quantity: 1 })] })),
    })),
  );
  expect(await written('orders', 'id')).toEqual(byBytes.map((id) => ({ id })));

  const taken = ids.map((id) => `${id}-taken`);
  const inIntake = createOrderIntake(database, { pendingDeadlineMs: 1_000, now: () => new Date() });
  await inIntake(async (transaction, runEachIdempotent) => {
    const requests = taken.map((requestId) => ({
      callerId: 'test',
      method: 'CreateOrder',
      requestId,
      contentHash: Buffer.alloc(32),
    }));
    await runEachIdempotent(requests, async () => {
      const orders = taken.map((orderId) => ({
        orderId,
        customerId: 'c-1',
        callerId: 'test',
        contentHash: Buffer.alloc(32),
        submission: { value: Buffer.from('{}'), contentType: undefined },
        traceparent: undefined,
      }));
      await transaction.take(orders);
      return new Map(requests.map((_, index) => [index, new Uint8Array([1])]));
    });
  });
  const takenByBytes = taken.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect((await written('orders', 'id')).slice(ids.length)).toEqual(takenByBytes.map((id) => ({ id })));

  const reader = createOrderReader(database);
  const listed: string[] = [];
  let after: OrderKey | undefined;
  do {
    const page = await reader.page({ needsAttention: false, state: 'ACCEPTED' }, after, 2);
    listed.push(...page.map(({ orderId }) => orderId));
    after = page.at(-1);
  } while (after !== undefined);
  expect(listed).toEqual(byBytes.toReversed());
});
