import { closest, distance } from 'fastest-levenshtein';

/** ` Did you mean "list"?`, or nothing where no word is similar. */
export function didYouMean(word: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const nearest = closest(word, known);
  // A word that would change by more than a third is not similar.
  return distance(word, nearest) <= Math.max(2, nearest.length / 3) ? ` Did you mean "${nearest}"?` : '';
}
