import { limits } from '../domain/judge.ts';

/** A sender's text as a column takes it: Postgres refuses NUL, and an index what is very long. */
export function storable(text: string): string {
  return text.slice(0, limits.textLength).replaceAll('\0', '');
}
