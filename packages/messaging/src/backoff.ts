const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** How long to wait before the next try: 100 ms doubling to 5 s, spread so that many who wait do not come at once. */
export function backoffMs(attempt: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return ceiling * (0.5 + Math.random() / 2);
}
