import type { Stores } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import type { Order } from './order.ts';
import { formatTime } from './time.ts';

/** Formats each transition, with its cause. */
export async function history({ orders }: Stores, id: string): Promise<string> {
  const rows = await orders<{
    revision: number;
    state: string;
    cause: string;
    version: number;
    event_types: string[];
    detail: string | null;
    create_time: Date;
  }>(
    `select revision, state, cause, version, event_types, detail, create_time
     from order_history where order_id = $1 order by revision`,
    [id],
  );
  return `Transitions\n${table(
    ['', 'time', 'state', 'published', 'cause', ''],
    rows.map((row) => [
      row.revision,
      formatTime(row.create_time),
      row.state,
      row.event_types.join(', ') || '-',
      // `CancelOrder by` and a caller of up to 128 characters.
      printableCell(row.cause, 150),
      printableCell(row.detail ?? '', 400),
    ]),
  )}`;
}

/** Formats the reservation of an order. */
export async function reservation({ inventory }: Stores, id: string): Promise<string> {
  const [row] = await inventory<{ state: string; lines: unknown; update_time: Date }>(
    'select state, lines, update_time from reservation where order_id = $1',
    [id],
  );
  if (row === undefined) return 'Inventory: no reservation.';
  return `Inventory: ${row.state} since ${formatTime(row.update_time)}\n  ${printableCell(JSON.stringify(row.lines), 400)}`;
}

/** Formats the state of the order's document. `order`: undefined when it could not be read. */
export async function document(stores: Stores, id: string, order: Order | undefined): Promise<string> {
  const found = await stores.document<{
    readonly _id: string;
    readonly progress?: { readonly version: number; readonly state: string };
  }>(id);
  const progress = found?.progress;
  if (progress === undefined)
    return order?.version === 0 ? 'No document: it is not decided.' : 'No document yet.';
  const behind = order === undefined ? 0 : order.version - Number(progress.version);
  return `Document: has ${progress.state}${behind > 0 ? `, ${behind} events behind` : ''}`;
}

/** Formats the order's events that are not published yet. */
export async function inFlight({ orders, inventory, payment: pay }: Stores, id: string): Promise<string> {
  const outboxes = { order: orders, inventory, payment: pay };
  const found = await Promise.all(
    Object.entries(outboxes).map(async ([service, query]) => {
      const rows = await query<{ topic: string; type: string; failed_reason: string | null }>(
        `select topic, headers ->> 'ce_type' as type, failed_reason from outbox where key = $1 order by id`,
        [id],
      );
      return rows.map(({ topic, type, failed_reason: failed }) => [
        service,
        type,
        topic,
        failed ?? 'waits for Kafka',
      ]);
    }),
  );
  const rows = found.flat();
  return rows.length === 0
    ? 'Nothing is in flight.'
    : `In flight\n${table(['from', 'event', 'to', ''], rows)}`;
}
