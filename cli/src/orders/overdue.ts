import { groups, topics } from '@orderflow/contracts';
import type { TopicOffsets } from '@orderflow/messaging';
import { lagsOf } from '../lag.ts';
import type { Query } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import { formatTime } from './time.ts';

const LIMIT = 200;

/** Orders whose deadline has passed by this much should have been looked at. */
const patience = '1 minute';

/** What must have been read before the deadlines of undecided and of decided orders fire. */
const readBefore = [
  [topics.orders, groups.orderWorker],
  [topics.inventoryEvents, groups.orderSaga],
  [topics.paymentEvents, groups.orderSaga],
] as const;

/**
 * The orders whose deadline has passed and that nobody has looked at, the longest first, with what holds each of them
 * up by itself. Empty when there are none.
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
     where deadline_time < now() - interval '${patience}' and needs_attention is null
     order by deadline_time, id limit ${LIMIT}`,
  );
  const [first] = rows;
  if (first === undefined) return '';
  const lines = [
    `${first.count} orders were to be looked at and have not been:`,
    table(
      ['order id', 'state', 'was due', 'its own events'],
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
  return waiting === 0 ? 'told' : `${waiting} wait for Kafka`;
}

/** What keeps deadlines from firing, a line each: they wait until all that was there has been told and read. */
export async function inTheWay(orders: Query, offsets: TopicOffsets): Promise<string[]> {
  // What the broker refuses holds up its own order only.
  const [outbox] = await orders<{ waiting: number }>(
    'select count(*)::int as waiting from outbox where failed_time is null',
  );
  const waiting = outbox?.waiting ?? 0;
  const unread = await Promise.all(
    readBefore.map(async ([topic, group]) =>
      (await lagsOf(offsets, topic, group)).map(
        ({ partition, lag }) => `${lag} records of ${topic}, partition ${partition}, not read by ${group}`,
      ),
    ),
  );
  const untold = `${waiting} events in the outbox of the order service`;
  return [...(waiting === 0 ? [] : [untold]), ...unread.flat()];
}
