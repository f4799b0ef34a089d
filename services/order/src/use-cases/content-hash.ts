import { hash } from 'node:crypto';
import { type Submission, sameContentKey } from '../domain/submission.ts';

/**
 * Equal for submissions of the same content, in any format; see `sameContentKey`.
 * `bytes`: the record, which is compared where the content is invalid.
 */
export function contentHashOf(order: {
  readonly submission: Submission;
  readonly bytes: Uint8Array;
}): Buffer {
  const content = sameContentKey(order.submission);
  // The prefix keeps invalid content from being equal to valid content that is spelled like it.
  const hashed =
    content === undefined ? Buffer.concat([Buffer.from('bytes:'), order.bytes]) : `content:${content}`;
  // As text and back: a buffer that comes from the hash itself takes twice as long.
  return Buffer.from(hash('sha256', hashed, 'binary'), 'latin1');
}
