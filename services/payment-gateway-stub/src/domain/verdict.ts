/** Determines which orders are permanently declined. */
export interface DecliningRule {
  readonly seed: string;
  /** Of a hundred orders. */
  readonly declinedPercent: number;
}

const codes = ['insufficient_funds', 'card_expired', 'do_not_honor'] as const;

/** Why an order is permanently declined; undefined when it is not. Depends only on seed and order id. */
export function declineCodeOf({ seed, declinedPercent }: DecliningRule, orderId: string): string | undefined {
  const hash = hashOf(`${seed}/${orderId}`);
  return hash % 10_000 < declinedPercent * 100 ? codes[hash % codes.length] : undefined;
}

/** FNV-1a with a final mix, so that ids that differ only in their last character are spread too. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
