import { Refusal } from '../../domain/refusal.ts';

/**
 * The text as it is.
 * @throws Refusal INVALID_REQUEST when it has a NUL character: the contract allows it, Postgres cannot store it.
 */
export function storableText(field: string, text: string): string {
  if (text.includes('\0'))
    throw new Refusal('INVALID_REQUEST', `${field} has a NUL character: leave it out`, { field });
  return text;
}
