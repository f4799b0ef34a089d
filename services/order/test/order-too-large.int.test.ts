import { expect, test } from 'vitest';
import { createOrderIntake } from '../src/outbound/postgres/order-intake.ts';
import { testPostgres } from './stack-kit.ts';

test('an order whose record its topic would not take is refused, and nothing of it is stored', async () => {
  await using database = await testPostgres();
  const inIntake = createOrderIntake(database, { pendingDeadlineMs: 1_000, now: () => new Date() });
  const take = (orderId: string, bytes: number) =>
    inIntake((transaction) =>
      transaction.take([
        {
          orderId,
          customerId: 'c-1',
          callerId: 'test',
          contentHash: Buffer.alloc(32),
          submission: { value: Buffer.alloc(bytes), contentType: undefined },
          traceparent: undefined,
        },
      ]),
    );

  await expect(take('too-large', 1_048_576)).rejects.toMatchObject({
    name: 'Refusal',
    reason: 'MESSAGE_TOO_LARGE',
    message: expect.stringContaining('the limit is 1048576'),
  });
  await take('large', 1_000_000);
  const stored = (sql: string) => database.query(sql);
  expect(await stored('select id from orders')).toEqual([{ id: 'large' }]);
  expect(await stored('select key from outbox')).toEqual([{ key: 'large' }]);
});
