/**
 * Tax on an amount, both in minor units, rounded half up.
 * `basisPoints`: hundredths of a percent; 800 is 8 %.
 */
export function taxOn(subtotal: bigint, basisPoints: number): bigint {
  return (subtotal * BigInt(basisPoints) + 5_000n) / 10_000n;
}
