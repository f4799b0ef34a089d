import { type BatchHandler, readBatch } from '@orderflow/messaging';
import { crashPoint } from '@orderflow/runtime';
import type { CrashPoint } from '../../crash-points.ts';
import { mailOfEvent } from '../../domain/draft.ts';
import type { NewMails } from '../../ports.ts';
import { readMailEvent } from './read-mail-event.ts';

const afterInsert: CrashPoint = 'notification-after-insert';

/** Handles batches of `order-events`: stores a mail for each event of which a customer is mailed. */
export function createOrderEventsHandler({
  mails,
  now,
  maxAgeMs,
  onInserted,
}: {
  readonly mails: Pick<NewMails, 'insert'>;
  readonly now: () => Date;
  /** The age at which an event is not mailed any more. */
  readonly maxAgeMs: number;
  /** Called when mails can be rendered. */
  readonly onInserted: () => void;
}): BatchHandler {
  return async (records) => {
    const { events, deadLetters } = readBatch(records, readMailEvent);
    if (events.length === 0) return { deadLetters, idle: true };
    const time = now();
    const inserted = await mails.insert(
      events.map(({ event }) => mailOfEvent(event, time, maxAgeMs)),
      time,
    );
    crashPoint(afterInsert);
    if (inserted > 0) onInserted();
    return { deadLetters, idle: inserted === 0 };
  };
}
