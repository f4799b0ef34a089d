import { groups, topics } from '@orderflow/contracts';
import { expect, test } from 'vitest';
import { unread } from '../src/orders/unread.ts';
import { offsetsOf } from './fake-stores.ts';

test('an order that is nowhere may be among what the worker has not read yet', async () => {
  const committed = (offset: bigint | undefined) =>
    offsetsOf((group, topic) =>
      group === groups.orderWorker && topic === topics.orders ? offset : undefined,
    );
  expect(await unread(committed(7n))).toMatch(
    /^The group order-worker has 3 records of orders still to read/,
  );
  expect(await unread(committed(undefined))).toMatch(/has 10 records/);
  expect(await unread(committed(10n))).toBe('');
});
