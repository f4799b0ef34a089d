import { millis, type Sql } from '@orderflow/storage';
import type { DueOrder } from '../../domain/deadline.ts';
import type { OrderState } from '../../domain/saga.ts';
import type { DueOrders } from '../../ports.ts';

/** The columns of a due order. */
export const dueColumns = `id, state, needs_attention, ${millis('deadline_time')} as due_time,
  ${millis('requery_time')} as requery_time,
  (select ${millis('min(history.create_time)')} from order_history as history
    where history.order_id = orders.id and history.cause = 'RequeryDeadline') as first_requery_time`;

/** A row of these columns. */
export interface DueRow {
  readonly id: string;
  readonly state: OrderState;
  readonly needs_attention: string | null;
  readonly due_time: number;
  readonly requery_time: number | null;
  readonly first_requery_time: number | null;
}

export function toDueOrder(row: DueRow): DueOrder {
  const timeOf = (milliseconds: number | null) =>
    milliseconds === null ? undefined : new Date(milliseconds);
  return {
    orderId: row.id,
    state: row.state,
    dueTime: new Date(row.due_time),
    requeryTime: timeOf(row.requery_time),
    firstRequeryTime: timeOf(row.first_requery_time),
    needsAttention: row.needs_attention ?? undefined,
  };
}

/** Reads due orders from Postgres. */
export function createDueOrders(database: Sql): DueOrders {
  return {
    async page(kind, before, after, limit) {
      const rows = await database.query<DueRow>(
        `select ${dueColumns} from orders
         where deadline_time < $1 and (state = 'PENDING') = $2
           and ($3::timestamptz is null or (deadline_time, id) > ($3::timestamptz, $4::text))
           and (not exists (select from outbox where outbox.key = orders.id)
             or exists (select from outbox where outbox.key = orders.id and failed_time is not null))
         order by deadline_time, id limit $5`,
        [before, kind === 'undecided', after?.dueTime ?? null, after?.orderId ?? null, limit],
      );
      return rows.map(toDueOrder);
    },
  };
}
