import { formatMoney } from '@orderflow/contracts';
import type { Query, Stores } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import { formatTime } from './time.ts';

/**
 * The number of open payments that are compared with the orders, the oldest first. More than are in progress at a time.
 */
const LOOKED_AT = 20_000;
const SHOWN = 200;

/** Excludes orders that may be newer in one store than in the other. */
const minAge = '1 minute';

interface Row {
  readonly order_id: string;
  readonly state: string;
  readonly amount: string;
  readonly currency: string;
  readonly create_time: Date;
}

/**
 * Formats the payments of orders that the order service does not know, and the events that wait for such an order:
 * another process has written them, or Postgres was restored to an earlier state. Empty when there are none.
 */
export async function unknownOrders({
  orders,
  payment,
}: Pick<Stores, 'orders' | 'payment'>): Promise<string> {
  const charged = await strangers(
    orders,
    await payment<Row>(
      `select order_id, state, amount, currency, create_time from payment
       where state in ('PENDING', 'PROCESSED', 'SETTLING', 'REFUNDING') and not completed and not cancel_requested
         and create_time < now() - interval '${minAge}'
       order by create_time limit ${LOOKED_AT}`,
    ),
  );
  const waiting = await strangers(
    orders,
    await payment<Row>(
      `select order_id, heard as state, amount, currency, create_time from waiting_charge
       where create_time < now() - interval '${minAge}' order by create_time limit ${LOOKED_AT}`,
    ),
  );
  return [
    section(charged, 'payments of orders that the order service does not know', [
      'Nothing is refunded automatically: was its Postgres restored from a backup? Otherwise RefundPayment of the payment',
      'service refunds a charge (docs/operations.md, "Payments of unknown orders").',
    ]),
    section(waiting, 'events that would charge orders that the order service does not know', [
      'Nothing is charged for them, and they are deleted after 30 days. Find out which process wrote them.',
    ]),
  ]
    .filter((text) => text !== '')
    .join('\n\n');
}

async function strangers(orders: Query, rows: readonly Row[]): Promise<Row[]> {
  if (rows.length === 0) return [];
  const known = await orders<{ id: string }>('select id from orders where id = any($1)', [
    rows.map((row) => row.order_id),
  ]);
  const ids = new Set(known.map(({ id }) => id));
  return rows.filter((row) => !ids.has(row.order_id));
}

function section(rows: readonly Row[], what: string, advice: readonly string[]): string {
  if (rows.length === 0) return '';
  const shown = rows.slice(0, SHOWN);
  const lines = [
    `${rows.length} ${what}:`,
    table(
      ['order id', 'state', 'amount', 'since'],
      shown.map(({ order_id: id, state, amount, currency, create_time: time }) => [
        printableCell(id, 64),
        state,
        printableCell(formatMoney(BigInt(amount), currency), 40),
        formatTime(time),
      ]),
    ),
    ...(rows.length > shown.length ? [`… and ${rows.length - shown.length} more`] : []),
    ...advice,
  ];
  return lines.join('\n');
}
