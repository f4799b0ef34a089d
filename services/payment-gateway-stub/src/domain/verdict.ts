/** Which orders are declined for good. */
export interface DecliningRule {
  readonly seed: string;
  /** Of a hundred orders. */
  readonly declinedPercent: number;
}

const codes = ['insufficient_funds', 'card_expired', 'do_not_honor'] as const;

/** Why an order is declined for good; undefined when it is not. The same for the same seed and order id, always. */
export function declineCodeOf({ seed, declinedPercent }: DecliningRule, orderId: string): string | undefined {
  const hash = hashOf(`${seed}/${orderId}`);
  return hash % 10_000 < declinedPercent * 100 ? codes[hash % codes.length] : undefined;
}

/** FNV-1a with a final mix, so that ids that differ in their last character only are spread too. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
