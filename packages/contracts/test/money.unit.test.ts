import { create } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { MoneySchema } from '../src/gen/google/type/money_pb.ts';
import { formatAmount, formatMoney, toMinorUnits, toMoney } from '../src/money.ts';

describe('money', () => {
  test.each([0n, 1n, -1n, 99n, 129_999n, -250n, 9_007_199_254_740_993n])('%s survives the wire', (amount) => {
    expect(toMinorUnits(toMoney(amount, 'USD'))).toBe(amount);
  });

  test('a fraction of a cent is not rounded in silence', () => {
    expect(toMinorUnits(create(MoneySchema, { units: 1n, nanos: 5_000_000 }))).toBeUndefined();
  });

  test('units and nanos of different sign are refused', () => {
    expect(toMinorUnits(create(MoneySchema, { units: 1n, nanos: -10_000_000 }))).toBeUndefined();
    expect(toMinorUnits(create(MoneySchema, { units: -1n, nanos: 10_000_000 }))).toBeUndefined();
  });

  test('nanos beyond one unit are refused', () => {
    expect(toMinorUnits(create(MoneySchema, { units: 1n, nanos: 1_000_000_000 }))).toBeUndefined();
  });

  test('is written for people with both decimals and the sign', () => {
    expect(formatMoney(-5n, 'USD')).toBe('-0.05 USD');
    expect(formatMoney(129_999n, 'USD')).toBe('1299.99 USD');
    expect(formatAmount(-100n)).toBe('-1.00');
    expect(formatAmount(0n)).toBe('0.00');
  });
});
