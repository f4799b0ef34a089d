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
  /** When its last event was told once more, if it was since the last step. */
  readonly requery_time: Date | null;
  /** When it came into its state. */
  readonly state_time: Date | null;
  readonly create_time: Date;
}

/** Undefined: there is no such order. */
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

/** What is most wanted: where it is, and why. */
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
    lines.push(`  asked for once more ${formatTime(order.requery_time)}, without an answer yet`);
  }
  if (order.deadline_time !== null) {
    const deadline = formatTime(order.deadline_time);
    lines.push(
      order.is_overdue
        ? `  was to be looked at ${deadline}, which has PASSED ("pnpm orders stuck" says what holds it up)`
        : `  will be looked at ${deadline}`,
    );
  }
  if (order.needs_attention !== null) {
    lines.push(`  NEEDS ATTENTION: ${order.needs_attention} (docs/operations.md says what to do)`);
  }
  return printable(lines.join('\n'));
}

/** Who has to do what next; undefined when nothing is awaited, or only a person. */
function awaitedOf({ state, needs_attention, stock_released, money_undone }: Order): string | undefined {
  switch (state) {
    case 'PENDING':
      return needs_attention === null ? 'the worker to decide it' : undefined;
    case 'ACCEPTED':
      return 'inventory to reserve its stock';
    case 'RESERVED':
      return 'payment to charge it';
    case 'CONFIRMED':
      return 'inventory to let its stock go';
    case 'CANCELLING':
      return `${[!stock_released && 'inventory', !money_undone && 'payment'].filter(Boolean).join(' and ')} to undo their part`;
    default:
      return undefined;
  }
}
