const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** How long to wait before the next attempt: 100 ms doubling to 5 s, with jitter so that waiting clients spread out. */
export function backoffMs(attempt: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return ceiling * (0.5 + Math.random() / 2);
}
