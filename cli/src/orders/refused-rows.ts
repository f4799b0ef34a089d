import type { Query, Stores } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import { formatTime } from './time.ts';

const LIMIT = 50;

/**
 * Formats the outbox rows that the broker permanently refuses, the oldest first, each with the number of rows of its
 * topic and key that wait behind it. Empty when there are none.
 */
export async function refusedRows({
  orders,
  inventory,
  payment,
}: Pick<Stores, 'orders' | 'inventory' | 'payment'>): Promise<string> {
  const outboxes = { order: orders, inventory, payment };
  const found = await Promise.all(
    Object.entries(outboxes).map(([service, query]) => refusedRowsOf(service, query)),
  );
  const count = found.reduce((sum, rows) => sum + (rows[0]?.count ?? 0), 0);
  if (count === 0) return '';
  const shown = found.flat();
  const lines = [
    `${count} outbox rows that the broker refuses, see "The outbox is not empty" in docs/operations.md:`,
    table(
      ['outbox of', 'id', 'topic', 'key', 'bytes', 'since', 'behind it', 'reason'],
      shown.map((row) => [
        row.service,
        row.id,
        row.topic,
        printableCell(row.key, 64),
        row.bytes,
        formatTime(row.failed_time),
        row.behind,
        printableCell(row.failed_reason, 120),
      ]),
    ),
  ];
  if (count > shown.length) lines.push(`… and ${count - shown.length} more`);
  return lines.join('\n');
}

interface RefusedRow {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly bytes: number;
  readonly failed_reason: string;
  readonly failed_time: Date;
  readonly behind: number;
  readonly count: number;
}

async function refusedRowsOf(
  service: string,
  query: Query,
): Promise<(RefusedRow & { readonly service: string })[]> {
  const rows = await query<RefusedRow>(
    `select id, topic, key, octet_length(value) as bytes, failed_reason, failed_time, count(*) over ()::int as count,
       (select count(*)::int from outbox later
        where later.topic = outbox.topic and later.key = outbox.key and later.id > outbox.id) as behind
     from outbox where failed_time is not null order by failed_time, id limit ${LIMIT}`,
  );
  return rows.map((row) => ({ ...row, service }));
}
