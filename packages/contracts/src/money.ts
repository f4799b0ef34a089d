import type { Money } from './gen/google/type/money_pb.ts';

/** An amount in the currency's minor unit: 1299n is 12.99 USD. */
export type MinorUnits = bigint;

const nanosPerMinorUnit = 10_000_000;

/** Converts minor units of a currency with two decimals to `google.type.Money`. */
export function toMoney(amount: MinorUnits, currencyCode: string): Money {
  return {
    $typeName: 'google.type.Money',
    currencyCode,
    units: amount / 100n,
    nanos: Number(amount % 100n) * nanosPerMinorUnit,
  };
}

/**
 * Converts `google.type.Money` to minor units of a currency with two decimals.
 * Returns undefined when it cannot: nanos out of range, a fraction of a minor unit, or units and nanos of
 * different sign. The caller must check the currency.
 */
export function toMinorUnits(money: Money): MinorUnits | undefined {
  const { units, nanos } = money;
  if (Math.abs(nanos) > 999_999_999 || nanos % nanosPerMinorUnit !== 0) return undefined;
  if ((units > 0n && nanos < 0) || (units < 0n && nanos > 0)) return undefined;
  return units * 100n + BigInt(nanos / nanosPerMinorUnit);
}

/** Writes an amount as an exact decimal number: `1299.99`. */
export function formatAmount(amount: MinorUnits): string {
  const digits = String(amount < 0n ? -amount : amount).padStart(3, '0');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Writes an amount for people: `1299.99 USD`. */
export function formatMoney(amount: MinorUnits, currencyCode: string): string {
  return `${formatAmount(amount)} ${currencyCode}`;
}
