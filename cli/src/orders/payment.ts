import { formatMoney } from '@orderflow/contracts';
import type { Query, Stores } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import { formatTime } from './time.ts';

/** A call to the payment gateway. */
export interface AttemptRow {
  readonly key: string;
  readonly kind: string;
  readonly outcome: string | null;
  readonly detail: string | null;
  readonly create_time: Date;
  readonly end_time: Date | null;
}

/**
 * When a payment entered its state: from the calls to the gateway, since its row also changes when the order is
 * completed or a refund is requested.
 */
export function stateSince(
  { state, create_time, update_time }: { state: string; create_time: Date; update_time: Date },
  attempts: readonly AttemptRow[],
): Date {
  const firstOf = (kind: string) => attempts.find((attempt) => attempt.kind === kind)?.create_time;
  switch (state) {
    case 'PENDING':
      return create_time;
    case 'PROCESSED':
      return attempts.find(({ outcome }) => outcome === 'approved')?.end_time ?? update_time;
    case 'SETTLING':
      return firstOf('VOID') ?? update_time;
    case 'REFUNDING':
      return firstOf('REFUND') ?? update_time;
    default:
      return attempts.at(-1)?.end_time ?? update_time;
  }
}

/** Formats the payment of an order, with every call to the gateway. */
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
    create_time: Date;
    update_time: Date;
  }>(
    `select state, amount, currency, fail_reason, decline_code, refund_reason, refund_caller_id, problem,
       settle_reason, settle_caller_id, next_attempt_time, create_time, update_time
     from payment where order_id = $1`,
    [id],
  );
  if (row === undefined) return waitingCharge(query, id);
  const attempts = await query<AttemptRow>(
    `select key, kind, outcome, detail, create_time, end_time
     from payment_attempt where order_id = $1 order by create_time`,
    [id],
  );
  const rows = attempts.map((attempt) => [
    formatTime(attempt.create_time),
    attempt.kind,
    attempt.key,
    attempt.outcome ?? 'unknown',
    printableCell(attempt.detail ?? '', 100),
  ]);
  const why = [
    [row.fail_reason, row.decline_code].filter(Boolean).join(': '),
    row.refund_reason && `refund requested by ${row.refund_caller_id}: ${row.refund_reason}`,
    row.problem && `the gateway refuses: ${row.problem}`,
    row.settle_reason && `settled by ${row.settle_caller_id}: ${row.settle_reason}`,
    row.next_attempt_time && `the next gateway call is due ${formatTime(row.next_attempt_time)}`,
  ];
  const head = [
    `Payment: ${row.state} since ${formatTime(stateSince(row, attempts))}`,
    `${formatMoney(BigInt(row.amount), row.currency).trim()}`,
    ...why.filter(Boolean).map((text) => printableCell(String(text), 200)),
  ].join(', ');
  return rows.length === 0 ? head : `${head}\n${table(['time', 'call', 'key', 'outcome', ''], rows)}`;
}

/** Formats a charge without a payment: it needs two events, and waits for the missing one. */
async function waitingCharge(query: Query, id: string): Promise<string> {
  const [row] = await query<{ heard: string; amount: string; currency: string; create_time: Date }>(
    'select heard, amount, currency, create_time from waiting_charge where order_id = $1',
    [id],
  );
  if (row === undefined) return 'Payment: none.';
  const missing =
    row.heard === 'OrderAccepted'
      ? 'InventoryReserved (topic inventory-events)'
      : 'OrderAccepted (topic order-events)';
  const amount = formatMoney(BigInt(row.amount), row.currency).trim();
  return `Payment: not charged, ${amount}. It has read ${row.heard} ${formatTime(row.create_time)} and waits for ${missing}.`;
}
