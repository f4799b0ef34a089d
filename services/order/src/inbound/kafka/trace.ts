import type { ReceivedRecord } from '@orderflow/messaging';
import { childOf, parseTraceparent } from '@orderflow/runtime';

/** The next step of the record's trace. Anybody writes that header: what is no traceparent does not go on. */
export function traceOf({ headers }: ReceivedRecord): string | undefined {
  const header = headers['traceparent'];
  return parseTraceparent(header) === undefined ? undefined : childOf(header);
}
