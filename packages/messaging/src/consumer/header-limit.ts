import { MAX_HEADER_BYTES, MAX_HEADERS } from '../oversized-headers.ts';
import type { ReceivedRecord } from '../received-record.ts';
import type { BatchHandler } from './batch.ts';
import type { DeadLetter } from './dead-letters.ts';

/** Wraps a handler so that records with too many or too large headers are dead-lettered as `HEADERS_TOO_LARGE`. */
export function withinHeaderLimit(handle: BatchHandler): BatchHandler {
  return async (records, context) => {
    const tooLarge = records.flatMap((record) => tooLargeHeaders(record) ?? []);
    if (tooLarge.length === 0) return handle(records, context);
    const refused = new Set(tooLarge.map(({ record }) => record));
    const others = records.filter((record) => !refused.has(record));
    if (others.length === 0) return { deadLetters: tooLarge, idle: true };
    const result = (await handle(others, context)) ?? {};
    return { ...result, deadLetters: [...(result.deadLetters ?? []), ...tooLarge] };
  };
}

function tooLargeHeaders(record: ReceivedRecord): DeadLetter | undefined {
  if (record.oversizedHeaders === undefined) return undefined;
  const { count, bytes } = record.oversizedHeaders;
  const detail = `${count} headers of ${bytes} bytes; the limit is ${MAX_HEADERS} headers of ${MAX_HEADER_BYTES} bytes`;
  return { record, reason: 'HEADERS_TOO_LARGE', detail };
}
