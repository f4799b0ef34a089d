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
  readonly create_time: Date;
}

/** Undefined: there is no such order. */
export async function readOrder({ orders }: Stores, id: string): Promise<Order | undefined> {
  const [row] = await orders<Order>(
    `select id, customer_id, state, version, needs_attention, total, cancel_reason, cancel_detail, stock_released,
       money_undone, refunded, caller_id, deadline_time, create_time
     from orders where id = $1`,
    [id],
  );
  return row;
}

/** What is most wanted: where it is, and why. */
export function headline(order: Order): string {
  const why = [order.cancel_reason, order.cancel_detail].filter(Boolean).join(': ');
  const lines = [
    `${order.id} is ${order.state}${why ? `, because of ${why}` : ''}${order.refunded ? ', refunded' : ''}`,
    `  of customer ${order.customer_id}, ${order.caller_id === null ? 'came over Kafka' : `created by ${order.caller_id}`}, ${formatTime(order.create_time)}`,
  ];
  if (order.total !== null) lines.push(`  total ${order.total} in minor units`);
  if (order.state === 'CANCELLING') {
    const missing = [!order.stock_released && 'inventory', !order.money_undone && 'payment'].filter(Boolean);
    lines.push(`  waits for ${missing.join(' and ')} to undo their part`);
  }
  if (order.deadline_time !== null) lines.push(`  will be looked at ${formatTime(order.deadline_time)}`);
  if (order.needs_attention !== null) {
    lines.push(`  NEEDS ATTENTION: ${order.needs_attention} (docs/operations.md says what to do)`);
  }
  return printable(lines.join('\n'));
}
