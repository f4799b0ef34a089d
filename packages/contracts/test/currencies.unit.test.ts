import { expect, test } from 'vitest';
import { hasTwoDecimals } from '../src/index.ts';

test.each(['USD', 'EUR', 'GBP', 'INR'])('%s has hundredths', (code) => {
  expect(hasTwoDecimals(code)).toBe(true);
});

test.each([
  ['JPY', 'no decimals'],
  ['KWD', 'three'],
  ['CLF', 'four'],
  ['ZZZ', 'not a currency'],
  ['XAU', 'gold'],
  ['XXX', 'none'],
  ['usd', 'not a code'],
  ['', 'nothing'],
])('%s does not: %s', (code) => {
  expect(hasTwoDecimals(code)).toBe(false);
});

test('Node, which has a list of its own, knows what is accepted, and no more decimals of it', () => {
  const accepted = Intl.supportedValuesOf('currency').filter(hasTwoDecimals);
  expect(accepted.length).toBeGreaterThan(120);
  // Where amounts are shown without decimals it says 0, for example of Colombian pesos.
  const decimals = (currency: string) =>
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits;
  expect(accepted.filter((code) => (decimals(code) ?? 0) > 2)).toEqual([]);
});

test.each('BIF CLP DJF GNF ISK KMF KRW PYG RWF UGX VND VUV XAF XOF XPF BHD IQD JOD LYD OMR TND'.split(' '))(
  '%s, which has other minor units, is not accepted',
  (code) => {
    expect(hasTwoDecimals(code)).toBe(false);
  },
);
