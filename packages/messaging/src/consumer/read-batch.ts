import type { ReceivedRecord } from '../received-record.ts';
import type { DeadLetter } from './dead-letters.ts';

/** The events of a batch, each with the record that brought it, and the records that are none. */
export interface ReadBatch<Event> {
  readonly events: readonly { readonly record: ReceivedRecord; readonly event: Event }[];
  readonly deadLetters: DeadLetter[];
}

/**
 * Reads the events of a batch. `read` returns undefined for a record that does not concern the group; a record for which
 * it throws is dead-lettered as `MALFORMED_PROTOBUF`.
 */
export function readBatch<Event>(
  records: readonly ReceivedRecord[],
  read: (record: ReceivedRecord) => Event | undefined,
): ReadBatch<Event> {
  const deadLetters: DeadLetter[] = [];
  const events: { record: ReceivedRecord; event: Event }[] = [];
  for (const record of records) {
    try {
      const event = read(record);
      if (event !== undefined) events.push({ record, event });
    } catch (error) {
      deadLetters.push({ record, reason: 'MALFORMED_PROTOBUF', detail: String(error) });
    }
  }
  return { events, deadLetters };
}
