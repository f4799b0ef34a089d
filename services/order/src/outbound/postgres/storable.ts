import { limits } from '../../domain/judge.ts';

/** Makes a sender's text storable in an indexed column: Postgres refuses NUL, and very long texts in an index. */
export function storable(text: string): string {
  return withoutNul(text.slice(0, limits.textLength));
}

/** Makes a sender's text storable in a column without an index. */
export function withoutNul(text: string): string {
  return text.replaceAll('\0', '');
}

/** Makes a sender's text, if there is one, storable in a column without an index. */
export function textOrNull(text: string | undefined): string | null {
  return text === undefined ? null : withoutNul(text);
}
