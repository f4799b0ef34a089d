import type { SigningKey } from './domain/signing-key.ts';

/** The keys that sign tokens, which all instances share. */
export interface SigningKeys {
  /** Returns all keys, the newest first: that one signs. There is always one. */
  list(): Promise<readonly SigningKey[]>;
  /** Creates a key and returns its id. */
  add(): Promise<string>;
  /** Takes a key out of the set. Says whether it did: not when there is no such key, or it is the last one. */
  remove(kid: string): Promise<boolean>;
}
