import type { ReceivedRecord } from '@orderflow/messaging';
import { childOf, parseTraceparent } from '@orderflow/runtime';

/** The next span of the record's trace. Any sender may set that header: an invalid traceparent is dropped. */
export function traceOf({ headers }: ReceivedRecord): string | undefined {
  const header = headers['traceparent'];
  return parseTraceparent(header) === undefined ? undefined : childOf(header);
}
