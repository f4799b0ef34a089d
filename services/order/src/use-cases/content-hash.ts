import { hash } from 'node:crypto';
import { type Submission, sameContentKey } from '../domain/submission.ts';

/**
 * Equal for submissions of the same content, however they came; see `sameContentKey`.
 * `bytes`: the record; compared where the content is too bad to compare.
 */
export function contentHashOf(order: {
  readonly submission: Submission;
  readonly bytes: Uint8Array;
}): Buffer {
  const content = sameContentKey(order.submission);
  // The prefix keeps bytes from passing for content that is spelled like them.
  const hashed =
    content === undefined ? Buffer.concat([Buffer.from('bytes:'), order.bytes]) : `content:${content}`;
  return hash('sha256', hashed, 'buffer');
}
