import { createHash } from 'node:crypto';

/** SHA-256; null stays null. */
export function digestOf<T extends Buffer | null>(bytes: T): T {
  return (bytes === null ? null : createHash('sha256').update(bytes).digest()) as T;
}
