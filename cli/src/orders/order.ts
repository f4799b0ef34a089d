import { formatAmount } from '@orderflow/contracts';
import type { Stores } from '../stores.ts';
import { printable } from '../table.ts';
import { formatTime } from './time.ts';

/** An order's row. */
export interface Order {
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
  /** By the database's clock. */
  readonly is_overdue: boolean;
  /** When its last event was republished, if it was since the last transition. */
  readonly requery_time: Date | null;
  /** When it entered its state. */
  readonly state_time: Date | null;
  readonly create_time: Date;
}

/** Reads an order. Undefined: it does not exist. */
export async function readOrder({ orders }: Stores, id: string): Promise<Order | undefined> {
  const [row] = await orders<Order>(
    `select id, customer_id, state, version, needs_attention, total, cancel_reason, cancel_detail, stock_released,
       money_undone, refunded, caller_id, deadline_time, coalesce(deadline_time < now(), false) as is_overdue,
       requery_time, create_time,
       (select min(step.create_time) from order_history step
        where step.order_id = orders.id and step.state = orders.state) as state_time
     from orders where id = $1`,
    [id],
  );
  return row;
}

/** Formats the most important facts: its state, and why. */
export function headline(order: Order): string {
  const why = [order.cancel_reason, order.cancel_detail].filter(Boolean).join(': ');
  const lines = [
    `${order.id} is ${order.state}${why ? `, because of ${why}` : ''}${order.refunded ? ', refunded' : ''}`,
    `  of customer ${order.customer_id}, ${order.caller_id === null ? 'came over Kafka' : `created by ${order.caller_id}`}, ${formatTime(order.create_time)}`,
  ];
  if (order.total !== null) lines.push(`  total ${formatAmount(BigInt(order.total))}`);
  const awaited = awaitedOf(order);
  if (awaited !== undefined) {
    lines.push(
      `  waits for ${awaited}${order.state_time === null ? '' : `, since ${formatTime(order.state_time)}`}`,
    );
  }
  if (order.requery_time !== null) {
    lines.push(`  requeried ${formatTime(order.requery_time)}, without a reply yet`);
  }
  if (order.deadline_time !== null) {
    const deadline = formatTime(order.deadline_time);
    lines.push(
      order.is_overdue
        ? `  its deadline ${deadline} has PASSED ("pnpm orders stuck" says what blocks it)`
        : `  its deadline is ${deadline}`,
    );
  }
  if (order.needs_attention !== null) {
    lines.push(`  NEEDS ATTENTION: ${order.needs_attention} (see docs/operations.md)`);
  }
  return printable(lines.join('\n'));
}

/** What the order waits for; undefined when nothing is awaited, or only an operator. */
function awaitedOf({ state, needs_attention, stock_released, money_undone }: Order): string | undefined {
  switch (state) {
    case 'PENDING':
      return needs_attention === null ? 'the worker to decide it' : undefined;
    case 'ACCEPTED':
      return 'inventory to reserve its stock';
    case 'RESERVED':
      return 'payment to charge it';
    case 'CONFIRMED':
      return 'inventory to commit its stock';
    case 'CANCELLING':
      return `${[!stock_released && 'inventory', !money_undone && 'payment'].filter(Boolean).join(' and ')} to undo their part`;
    default:
      return undefined;
  }
}
