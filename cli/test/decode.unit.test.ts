import { describe, expect, test } from 'vitest';
import { decode, orderIdOf } from '../src/dlq/decode.ts';
import { indent } from '../src/dlq/indent.ts';

const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`;

describe('JSON for a person', () => {
  test.each([
    '{}',
    '[]',
    'null',
    '{ "a": [] , "b": {}, "c": [1, {"d": "x, \\"y\\": {z} \\\\"}, [[]]] }',
    '[[], [1], {"a": {"b": [true, -1.5e3]}}]',
  ])('%s stands on lines of its own', (json) => {
    const plain = JSON.stringify(JSON.parse(json), null, 2);
    expect(indent(json).replace('-1.5e3', '-1500')).toBe(plain);
  });

  test('shows what the parser would pass over', () => {
    expect(indent('{"a":1.0,"a":1e2}')).toBe('{\n  "a": 1.0,\n  "a": 1e2\n}');
  });

  test('does not grow with the depth', () => {
    for (const depth of [3_000, 500_000]) {
      const json = nested(depth);
      expect(indent(json).length).toBeLessThan(json.length + 500);
    }
  });
});

test('an order is read at any depth', () => {
  const value = Buffer.from(`{"orderId":"o-1","x":${nested(100_000)}}`);
  expect(orderIdOf({ value, headers: {}, key: Buffer.from('another') })).toBe('o-1');
  const decoded = decode(value, {});
  expect(decoded.ok && decoded.json()).toContain('"orderId": "o-1"');
});
