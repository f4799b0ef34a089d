import { type Command, CommandError, UsageError } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { openStores, type Stores } from '../stores.ts';
import { printable, printableCell, table } from '../table.ts';

const HELP = `Usage: pnpm orders show ORDER_ID

Everything that is known of one order: where it is and why, each step with its cause, what inventory and payment
have done for it, what the document shows, and what is still on its way.`;

/** `orders show` */
export const show: Command = {
  help: HELP,
  async run(args, cli) {
    const { positionals } = parseOptions({ args, allowPositionals: true });
    const [orderId, ...others] = positionals;
    if (orderId === undefined || others.length > 0) throw new UsageError('Name one order id.');
    await using stores = openStores(cli.config);
    const order = await readOrder(stores, orderId);
    if (order === undefined) {
      throw new CommandError(
        `There is no order ${printableCell(orderId, 80)}: perhaps its record could not be read ("pnpm orders dlq list"), or was never sent.`,
      );
    }
    const parts = [
      headline(order),
      await history(stores, orderId),
      await reservation(stores, orderId),
      await payment(stores, orderId),
      await document(stores, orderId, order),
      await onItsWay(stores, orderId),
    ];
    cli.print(parts.join('\n\n'));
  },
};

interface Order {
  readonly id: string;
  readonly customer_id: string;
  readonly state: string;
  readonly version: number;
  readonly needs_attention: string | null;
  readonly total: string | null;
  readonly cancel_reason: string | null;
  readonly cancel_detail: string | null;
  readonly stock_released: boolean;
  readonly money_undone: boolean;
  readonly refunded: boolean;
  readonly caller_id: string | null;
  readonly deadline_time: Date | null;
  readonly create_time: Date;
}

async function readOrder({ orders }: Stores, id: string): Promise<Order | undefined> {
  const [row] = await orders<Order>(
    `select id, customer_id, state, version, needs_attention, total, cancel_reason, cancel_detail, stock_released,
       money_undone, refunded, caller_id, deadline_time, create_time
     from orders where id = $1`,
    [id],
  );
  return row;
}

function headline(order: Order): string {
  const why = [order.cancel_reason, order.cancel_detail].filter(Boolean).join(': ');
  const lines = [
    `${order.id} is ${order.state}${why ? `, because of ${why}` : ''}${order.refunded ? ', refunded' : ''}`,
    `  of customer ${order.customer_id}, ${order.caller_id === null ? 'came over Kafka' : `created by ${order.caller_id}`}, ${time(order.create_time)}`,
  ];
  if (order.total !== null) lines.push(`  total ${order.total} in minor units`);
  if (order.state === 'CANCELLING') {
    const missing = [!order.stock_released && 'inventory', !order.money_undone && 'payment'].filter(Boolean);
    lines.push(`  waits for ${missing.join(' and ')} to undo their part`);
  }
  if (order.deadline_time !== null) lines.push(`  will be looked at ${time(order.deadline_time)}`);
  if (order.needs_attention !== null) {
    lines.push(`  NEEDS ATTENTION: ${order.needs_attention} (docs/operations.md says what to do)`);
  }
  return printable(lines.join('\n'));
}

async function history({ orders }: Stores, id: string): Promise<string> {
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
      time(row.create_time),
      row.state,
      row.event_types.join(', ') || '-',
      printableCell(row.cause, 60),
      printableCell(row.detail ?? '', 120),
    ]),
  )}`;
}

async function reservation({ inventory }: Stores, id: string): Promise<string> {
  const [row] = await inventory<{ state: string; lines: unknown; update_time: Date }>(
    'select state, lines, update_time from reservation where order_id = $1',
    [id],
  );
  if (row === undefined) return 'Inventory has not heard of it.';
  return `Inventory: ${row.state} since ${time(row.update_time)}\n  ${printableCell(JSON.stringify(row.lines), 400)}`;
}

async function payment({ payment: query }: Stores, id: string): Promise<string> {
  const [row] = await query<{ state: string; update_time: Date }>(
    'select state, update_time from payment where order_id = $1',
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
    time(attempt.create_time),
    attempt.kind,
    attempt.key,
    attempt.outcome ?? 'not known',
    printableCell(attempt.detail ?? '', 100),
  ]);
  const head = `Payment: ${row.state} since ${time(row.update_time)}`;
  return rows.length === 0 ? head : `${head}\n${table(['time', 'asked', 'key', 'outcome', ''], rows)}`;
}

async function document(stores: Stores, id: string, { version }: Order): Promise<string> {
  const [found] = await stores.documents<{
    readonly _id: string;
    readonly progress?: { readonly version: number; readonly state: string };
  }>(id);
  const progress = found?.progress;
  if (progress === undefined) return version === 0 ? 'No document: it is not decided.' : 'No document yet.';
  const behind = version - Number(progress.version);
  return `Document: shows ${progress.state}${behind > 0 ? `, ${behind} events behind` : ''}`;
}

async function onItsWay({ orders, inventory, payment: pay }: Stores, id: string): Promise<string> {
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

function time(date: Date): string {
  return date.toISOString().replace('T', ' ');
}
