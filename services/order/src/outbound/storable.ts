import { limits } from '../domain/judge.ts';

/** A text that somebody else chose, as a column takes it: Postgres refuses NUL, and an index what is very long. */
export function storable(text: string): string {
  return withoutNul(text.slice(0, limits.textLength));
}

/** A text that nothing is looked up by: as long as it is. */
export function withoutNul(text: string): string {
  return text.replaceAll('\0', '');
}
