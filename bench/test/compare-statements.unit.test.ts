import { expect, test } from 'vitest';
import { compareStatements, growthOf } from '../src/growth/compare.ts';

const use = (id: string, calls: number, rows: number, buffers: number) => ({
  database: 'order_service',
  id,
  text: id,
  calls,
  rows,
  buffers,
});

test('a statement costs pages per row, or per call where it returns fewer rows', () => {
  const before = [[use('insert', 2, 100, 300), use('poll', 50, 1, 100)]];
  const after = [[use('insert', 10, 100, 400), use('poll', 10, 1, 20)]];
  expect(compareStatements(before, after)).toEqual([
    expect.objectContaining({ text: 'insert', before: 3, after: 4 }),
    expect.objectContaining({ text: 'poll', before: 2, after: 2 }),
  ]);
});

test('the median of the rounds counts, and the statement that has grown most comes first', () => {
  const before = [[use('flat', 1, 1, 4), use('scan', 1, 1, 20)]];
  const after = [4, 900, 5].map((pages) => [use('flat', 1, 1, pages), use('scan', 1, 1, 20_000)]);
  const compared = compareStatements(before, after);
  expect(compared.map(({ text, after: pages }) => [text, pages])).toEqual([
    ['scan', 20_000],
    ['flat', 5],
  ]);
});

test('a statement that was sent in rounds of one kind only is not compared', () => {
  expect(compareStatements([[use('once', 1, 1, 1)]], [[use('other', 1, 1, 1)]])).toEqual([]);
});

test.each([
  ['a deeper index is no growth', 4, 7, 1],
  ['nor is a statement that reads hardly anything', 0.4, 3.9, 0.9],
  ['a scan is', 120, 25_000, 208.3],
])('%s', (_, before, after, growth) => {
  expect(growthOf({ before, after })).toBeCloseTo(growth, 1);
});
