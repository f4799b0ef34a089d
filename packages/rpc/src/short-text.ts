const ECHO_MAX_BYTES = 64;

/** The text, cut with "…" to at most this many bytes of UTF-8. */
export function cutToBytes(text: string, maxBytes: number): string {
  // A character has at least one byte, so a text of megabytes need not be encoded as a whole.
  const bytes = Buffer.from(text.slice(0, maxBytes + 1));
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - Buffer.byteLength('…');
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return `${bytes.subarray(0, Math.max(end, 0)).toString()}…`;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** A caller's input as a response may repeat it: at most 64 bytes of it. */
export function echoed(input: string): string {
  return cutToBytes(input, ECHO_MAX_BYTES);
}

/** Shortens the caller's input in a text of a library: each quoted part, and each word. */
export function withShortEchoes(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\S+/g, echoed);
}
