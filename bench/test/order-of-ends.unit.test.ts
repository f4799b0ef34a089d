import { expect, test } from 'vitest';
import { overtakings } from '../src/overload/order-of-ends.ts';

const lifetime = ([created, ended]: readonly [number, number]) => ({ created, ended });

test('orders that end in the order of their creation are not overtaken', () => {
  expect(
    overtakings(
      (
        [
          [1, 10],
          [2, 11],
          [3, 12],
        ] as const
      ).map(lifetime),
    ),
  ).toEqual([0, 0, 0]);
});

test('counts the younger orders that ended earlier, whatever the order of the list', () => {
  expect(
    overtakings(
      (
        [
          [3, 10],
          [1, 12],
          [2, 11],
        ] as const
      ).map(lifetime),
    ),
  ).toEqual([0, 2, 1]);
});

test('orders of the same transaction, and orders that end together, do not overtake each other', () => {
  expect(
    overtakings(
      (
        [
          [1, 12],
          [1, 11],
          [2, 12],
        ] as const
      ).map(lifetime),
    ),
  ).toEqual([0, 0, 0]);
});
