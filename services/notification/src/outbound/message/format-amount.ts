import type { Amount } from '../../domain/mail.ts';

/** Formats an amount such as `1,299.99 USD`: exactly, with two decimals, or more where it has more. */
export function formatAmount({ currency, units, nanos }: Amount): string {
  const isNegative = units < 0n || nanos < 0;
  const whole = (units < 0n ? -units : units).toLocaleString('en-US');
  const decimals = String(Math.abs(nanos))
    .padStart(9, '0')
    .replace(/0{1,7}$/, '');
  return `${isNegative ? '-' : ''}${whole}.${decimals} ${currency}`;
}
