import { DEFAULT_MAX_MESSAGE_BYTES } from '../topics/topic-spec.ts';

/** The header of a record batch, and the lengths and deltas at the start of a record. */
export const RECORD_OVERHEAD_BYTES = 61 + 40;
/** The two lengths of a header. */
const HEADER_OVERHEAD_BYTES = 10;

/** The largest record that a topic accepts by default: its batch is limited by `max.message.bytes`. */
export const MAX_RECORD_BYTES = DEFAULT_MAX_MESSAGE_BYTES;

/** An upper bound, in bytes, of the size of a record that is sent alone. */
export function recordBytes({
  key,
  value,
  headers,
}: {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}): number {
  let bytes = RECORD_OVERHEAD_BYTES + Buffer.byteLength(key) + value.length;
  for (const [name, text] of Object.entries(headers)) {
    bytes += HEADER_OVERHEAD_BYTES + Buffer.byteLength(name) + Buffer.byteLength(text);
  }
  return bytes;
}

/** The record could never be sent: it is larger than its topic accepts. */
export class RecordTooLargeError extends Error {
  override readonly name = 'RecordTooLargeError';

  constructor(topic: string, key: string, bytes: number) {
    super(`a record of ${bytes} bytes for topic ${topic}, key ${key}: the limit is ${MAX_RECORD_BYTES}`);
  }
}
