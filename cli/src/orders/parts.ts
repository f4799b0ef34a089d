import { formatMoney } from '@orderflow/contracts';
import type { Stores } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import type { Order } from './order.ts';
import { formatTime } from './time.ts';

/** Each step, with what caused it. */
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
  return `Steps\n${table(
    ['', 'time', 'state', 'told', 'cause', ''],
    rows.map((row) => [
      row.revision,
      formatTime(row.create_time),
      row.state,
      row.event_types.join(', ') || '-',
      printableCell(row.cause, 60),
      printableCell(row.detail ?? '', 400),
    ]),
  )}`;
}

/** What inventory has done for it. */
export async function reservation({ inventory }: Stores, id: string): Promise<string> {
  const [row] = await inventory<{ state: string; lines: unknown; update_time: Date }>(
    'select state, lines, update_time from reservation where order_id = $1',
    [id],
  );
  if (row === undefined) return 'Inventory has not heard of it.';
  return `Inventory: ${row.state} since ${formatTime(row.update_time)}\n  ${printableCell(JSON.stringify(row.lines), 400)}`;
}

/** What payment has done for it, with every call to the gateway. */
export async function payment({ payment: query }: Stores, id: string): Promise<string> {
  const [row] = await query<{
    state: string;
    amount: string;
    currency: string;
    fail_reason: string | null;
    decline_code: string;
    refund_reason: string;
    refund_caller_id: string;
    problem: string;
    settle_reason: string;
    settle_caller_id: string;
    next_attempt_time: Date | null;
    update_time: Date;
  }>(
    `select state, amount, currency, fail_reason, decline_code, refund_reason, refund_caller_id, problem,
       settle_reason, settle_caller_id, next_attempt_time, update_time
     from payment where order_id = $1`,
    [id],
  );
  if (row === undefined) return 'Payment has not heard of it.';
  const attempts = await query<{
    key: string;
    kind: string;
    outcome: string | null;
    detail: string | null;
    create_time: Date;
  }>(
    'select key, kind, outcome, detail, create_time from payment_attempt where order_id = $1 order by create_time',
    [id],
  );
  const rows = attempts.map((attempt) => [
    formatTime(attempt.create_time),
    attempt.kind,
    attempt.key,
    attempt.outcome ?? 'not known',
    printableCell(attempt.detail ?? '', 100),
  ]);
  const why = [
    [row.fail_reason, row.decline_code].filter(Boolean).join(': '),
    row.refund_reason && `refund asked for by ${row.refund_caller_id}: ${row.refund_reason}`,
    row.problem && `the gateway refuses: ${row.problem}`,
    row.settle_reason && `settled by ${row.settle_caller_id}: ${row.settle_reason}`,
    row.next_attempt_time && `the gateway is asked next ${formatTime(row.next_attempt_time)}`,
  ];
  const head = [
    `Payment: ${row.state} since ${formatTime(row.update_time)}`,
    `${formatMoney(BigInt(row.amount), row.currency).trim()}`,
    ...why.filter(Boolean).map((text) => printableCell(String(text), 200)),
  ].join(', ');
  return rows.length === 0 ? head : `${head}\n${table(['time', 'asked', 'key', 'outcome', ''], rows)}`;
}

/** What the document shows of it. `order`: undefined when it could not be read. */
export async function document(stores: Stores, id: string, order: Order | undefined): Promise<string> {
  const [found] = await stores.documents<{
    readonly _id: string;
    readonly progress?: { readonly version: number; readonly state: string };
  }>(id);
  const progress = found?.progress;
  if (progress === undefined)
    return order?.version === 0 ? 'No document: it is not decided.' : 'No document yet.';
  const behind = order === undefined ? 0 : order.version - Number(progress.version);
  return `Document: shows ${progress.state}${behind > 0 ? `, ${behind} events behind` : ''}`;
}

/** Its events that Kafka has not got yet. */
export async function onItsWay({ orders, inventory, payment: pay }: Stores, id: string): Promise<string> {
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
    ? 'Nothing is on its way.'
    : `On its way\n${table(['from', 'event', 'to', ''], rows)}`;
}
