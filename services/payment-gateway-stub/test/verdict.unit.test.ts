import { expect, test } from 'vitest';
import { declineCodeOf } from '../src/domain/verdict.ts';

const orders = Array.from({ length: 5_000 }, (_, index) => `o-${index}`);
const declined = (seed: string, declinedPercent: number) =>
  orders.filter((orderId) => declineCodeOf({ seed, declinedPercent }, orderId) !== undefined);

test.each([0, 20, 50, 100])('%s %% of orders are declined', (percent) => {
  expect(Math.abs(declined('orderflow', percent).length - percent * 50)).toBeLessThanOrEqual(100);
});

test('another seed declines other orders; a larger share declines the same and more', () => {
  expect(declined('a', 20)).not.toEqual(declined('b', 20));
  expect(declined('a', 50)).toEqual(expect.arrayContaining(declined('a', 20)));
});
