import { groups, readers } from '@orderflow/contracts';
import { lagsOf, type TopicOffsets } from '@orderflow/messaging';
import type { Query } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import { formatTime } from './time.ts';

const LIMIT = 200;

/** Orders whose deadline passed longer ago than this are overdue. */
const minAge = '1 minute';

/**
 * The groups that must have read everything before deadlines fire: the order service's own groups, and the
 * participants, before an order is cancelled because of a missing reply.
 */
const waitedFor: readonly string[] = [groups.orderWorker, groups.orderSaga, groups.inventory, groups.payment];
const readBefore = readers.filter(([, group]) => waitedFor.includes(group));

/**
 * Formats the orders whose deadline has passed without a deadline check, the longest first, with the events of their
 * own that block them. Empty when there are none.
 */
export async function overdueOrders(orders: Query): Promise<string> {
  const rows = await orders<{
    id: string;
    state: string;
    deadline_time: Date;
    waiting: number;
    failed_reason: string | null;
    count: number;
  }>(
    `select id, state, deadline_time, count(*) over ()::int as count,
       (select count(*)::int from outbox where outbox.key = orders.id) as waiting,
       (select failed_reason from outbox where outbox.key = orders.id and failed_time is not null order by outbox.id limit 1)
         as failed_reason
     from orders
     where deadline_time < now() - interval '${minAge}' and needs_attention is null
     order by deadline_time, id limit ${LIMIT}`,
  );
  const [first] = rows;
  if (first === undefined) return '';
  const lines = [
    `${first.count} orders are overdue:`,
    table(
      ['order id', 'state', 'deadline', 'its own events'],
      rows.map((row) => [
        printableCell(row.id, 64),
        row.state,
        formatTime(row.deadline_time),
        eventsOf(row.waiting, row.failed_reason),
      ]),
    ),
  ];
  if (first.count > rows.length) lines.push(`… and ${first.count - rows.length} more`);
  return lines.join('\n');
}

function eventsOf(waiting: number, failedReason: string | null): string {
  if (failedReason !== null) return printableCell(`the broker refuses: ${failedReason}`, 200);
  return waiting === 0 ? 'published' : `${waiting} wait for Kafka`;
}

/** What keeps deadlines from firing, a line each: they wait until all earlier events are published and read. */
export async function blockers(orders: Query, offsets: TopicOffsets): Promise<string[]> {
  // Refused rows block only their own order.
  const [outbox] = await orders<{ waiting: number }>(
    'select count(*)::int as waiting from outbox where failed_time is null',
  );
  const waiting = outbox?.waiting ?? 0;
  const unread = await Promise.all(
    readBefore.map(async ([topic, group]) =>
      (await lagsOf(offsets, topic, group))
        .filter(({ lag }) => lag > 0n)
        .map(
          ({ partition, lag }) => `${lag} records of ${topic}, partition ${partition}, not read by ${group}`,
        ),
    ),
  );
  const unpublished = `${waiting} events in the outbox of the order service`;
  return [...(waiting === 0 ? [] : [unpublished]), ...unread.flat()];
}
