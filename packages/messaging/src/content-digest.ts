import { createHash } from 'node:crypto';
import type { IHeaders } from 'kafkajs';
import type { ReceivedRecord } from './received-record.ts';

/** The prefix of every header that dead letters and their replay add. */
const LABEL_PREFIX = 'dlq_';

/**
 * SHA-256, in hex, of what the sender wrote: key, value and headers in their order, without those named `dlq_*`. So a
 * record, its dead letter and its replay have the same digest. Each part is prefixed with its length as a big-endian
 * int32, -1 for null; the values of a repeated header follow each other.
 */
export function contentDigest(
  record: Pick<ReceivedRecord, 'key' | 'value' | 'rawHeaders' | 'oversizedHeaders'>,
): string {
  const { add, digest } = hashOfParts();
  add(record.key);
  add(record.value);
  for (const [name, value] of record.oversizedHeaders?.entries() ?? entriesOf(record.rawHeaders)) {
    if (name.startsWith(LABEL_PREFIX)) continue;
    add(name);
    add(value);
  }
  return digest();
}

function* entriesOf(rawHeaders: IHeaders): Generator<readonly [string, Part]> {
  for (const [name, given] of Object.entries(rawHeaders)) {
    for (const one of [given].flat()) yield [name, one];
  }
}

type Part = string | Buffer | null | undefined;

/** Collects small parts: there may be a million of them, and each call of the hash costs more than the hashing. */
function hashOfParts() {
  const hash = createHash('sha256');
  const collected = Buffer.allocUnsafe(65_536);
  let used = 0;
  const flush = () => {
    hash.update(collected.subarray(0, used));
    used = 0;
  };
  return {
    add(part: Part) {
      const length = part == null ? -1 : Buffer.byteLength(part);
      if (used + 4 + Math.max(length, 0) > collected.length) flush();
      used = collected.writeInt32BE(length, used);
      if (part == null) return;
      if (used + length > collected.length) {
        flush();
        hash.update(part);
      } else if (typeof part === 'string') used += collected.write(part, used);
      else used += part.copy(collected, used);
    },
    digest() {
      flush();
      return hash.digest('hex');
    },
  };
}
