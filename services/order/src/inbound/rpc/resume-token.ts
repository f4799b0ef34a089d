import type { Positions } from '../../domain/change-log.ts';
import { Refusal } from '../../domain/refusal.ts';

/** So many partitions fit into what the contract allows. */
const pattern = /^(?:\d{1,6}:\d{1,16}(?:,(?=.)|$))+$/;

/** Writes positions as a token that says nothing to its holder. */
export function toResumeToken(positions: Positions): string {
  const text = [...positions].map(([partition, offset]) => `${partition}:${offset}`).join(',');
  return Buffer.from(text).toString('base64url');
}

/**
 * Reads a token of {@link toResumeToken}; undefined when it is empty.
 * @throws Refusal RESUME_TOKEN_INVALID
 */
export function fromResumeToken(token: string): Positions | undefined {
  if (token === '') return undefined;
  const text = Buffer.from(token, 'base64url').toString('latin1');
  const positions = new Map(
    (pattern.test(text) ? text.split(',') : []).map(
      (pair) => pair.split(':').map(Number) as [number, number],
    ),
  );
  const isValid = positions.size > 0 && positions.values().every((offset) => Number.isSafeInteger(offset));
  if (!isValid) throw new Refusal('RESUME_TOKEN_INVALID', 'resume_token is none that WatchOrders returned');
  return positions;
}
