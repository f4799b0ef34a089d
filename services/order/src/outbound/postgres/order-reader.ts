import { millis, type Sql, textArray } from '@orderflow/storage';
import type { FullOrder, OrderTransition, StoredOrder } from '../../domain/order.ts';
import type { CancelReason, OrderState } from '../../domain/saga.ts';
import type { OrderConditions, OrderKey, OrderReader } from '../../ports.ts';
import { decodeEnrichedOrder } from './enriched-order-codec.ts';

interface OrderRow {
  readonly id: string;
  readonly customer_id: string;
  readonly state: OrderState;
  readonly total: string | null;
  readonly needs_attention: string | null;
  readonly cancel_reason: CancelReason | null;
  readonly cancel_detail: string | null;
  readonly transaction_id: string | null;
  readonly refunded: boolean;
  readonly version: number;
  readonly create_time: number;
  readonly update_time: number;
}

interface FullOrderRow extends OrderRow {
  readonly caller_id: string | null;
  readonly content_hash: Buffer;
  readonly submission: Buffer | null;
  readonly submission_content_type: string | null;
  readonly enriched_order: Buffer | null;
}

interface TransitionRow {
  readonly revision: number;
  readonly state: OrderState;
  readonly cause: string;
  readonly version: number;
  readonly event_types: readonly string[];
  readonly detail: string | null;
  readonly create_time: number;
}

const columns = `id, customer_id, state, total, needs_attention, cancel_reason, cancel_detail, transaction_id, refunded,
  version, ${millis('create_time')} as create_time, ${millis('update_time')} as update_time`;

/** Reads orders from Postgres. */
export function createOrderReader(database: Sql): OrderReader {
  return {
    find: async (orderId, ownedBy) => (await findOrders(database, [orderId], ownedBy)).get(orderId),

    findAll: (orderIds) => findOrders(database, orderIds),

    async listAll(orderIds) {
      const rows = await database.query<OrderRow>(
        `select ${columns} from orders where id = any($1::text[])`,
        [textArray(orderIds)],
      );
      return new Map(rows.map((row) => [row.id, toOrder(row)]));
    },

    async page(conditions, after, limit) {
      const { sql, parameters } = pageQuery(conditions, after, limit);
      const rows = await database.query<OrderRow>(sql, parameters);
      return rows.map(toOrder);
    },

    async history(orderId, ownedBy) {
      const rows = await database.query<TransitionRow>(
        `select revision, state, cause, version, event_types, detail, ${millis('create_time')} as create_time
         from order_history
         where order_id = $1
           and ($2::text is null or exists (select from orders where id = $1 and customer_id = $2))
         order by revision`,
        [orderId, ownedBy ?? null],
      );
      return rows.map((row) => toTransition(orderId, row));
    },
  };
}

/** Reads the existing orders with these ids. `ownedBy`: only those of this customer. */
export async function findOrders(
  sql: Sql,
  orderIds: readonly string[],
  ownedBy?: string | undefined,
): Promise<Map<string, FullOrder>> {
  const rows = await sql.query<FullOrderRow>(
    `select ${columns}, caller_id, content_hash, submission, submission_content_type,
       (select enriched_order from order_history
        where order_id = orders.id and enriched_order is not null limit 1) as enriched_order
     from orders where id = any($1::text[]) and ($2::text is null or customer_id = $2)`,
    [textArray(orderIds), ownedBy ?? null],
  );
  return new Map(rows.map((row) => [row.id, toOrderInFull(row)]));
}

/** The query of a page: newest first, in the order of the indexes. */
export function pageQuery(
  conditions: OrderConditions,
  after: OrderKey | undefined,
  limit: number,
): { sql: string; parameters: unknown[] } {
  const { customerId, state, createTimeFrom, createTimeTo, needsAttention } = conditions;
  const parameters: unknown[] = [];
  const given = (value: unknown) => `$${parameters.push(value)}`;
  const all = [
    ...(customerId === undefined ? [] : [`customer_id = ${given(customerId)}`]),
    ...(state === undefined ? [] : [`state = ${given(state)}`]),
    ...(createTimeFrom === undefined ? [] : [`create_time >= ${given(createTimeFrom)}`]),
    ...(createTimeTo === undefined ? [] : [`create_time < ${given(createTimeTo)}`]),
    ...(needsAttention ? ['needs_attention is not null'] : []),
    ...(after === undefined
      ? []
      : [`(create_time, id) < (${given(after.createTime)}, ${given(after.orderId)})`]),
  ];
  const where = all.length === 0 ? '' : `where ${all.join(' and ')}`;
  // The column, not the output expression of the same name: that is in no index.
  const order = 'order by orders.create_time desc, id desc';
  return { sql: `select ${columns} from orders ${where} ${order} limit ${given(limit)}`, parameters };
}

function toOrder(row: OrderRow): StoredOrder {
  return {
    orderId: row.id,
    customerId: row.customer_id,
    state: row.state,
    total: row.total === null ? undefined : BigInt(row.total),
    needsAttention: row.needs_attention ?? undefined,
    cancelReason: row.cancel_reason ?? undefined,
    cancelDetail: row.cancel_detail ?? undefined,
    transactionId: row.transaction_id ?? undefined,
    refunded: row.refunded,
    version: row.version,
    createTime: new Date(row.create_time),
    updateTime: new Date(row.update_time),
  };
}

function toOrderInFull(row: FullOrderRow): FullOrder {
  return {
    ...toOrder(row),
    callerId: row.caller_id ?? undefined,
    contentHash: row.content_hash,
    decided: row.enriched_order === null ? undefined : decodeEnrichedOrder(row.enriched_order),
    submission:
      row.submission === null
        ? undefined
        : { value: row.submission, contentType: row.submission_content_type ?? undefined },
  };
}

/** The version counts events, so the last event of a transition has the number of the version after it. */
function toTransition(orderId: string, row: TransitionRow): OrderTransition {
  const { revision, state, cause, detail, version, event_types: types } = row;
  const events = types.map((type, index) => ({
    id: `${orderId}/${version - types.length + 1 + index}`,
    type,
  }));
  return {
    revision,
    state,
    cause,
    events,
    detail: detail ?? undefined,
    createTime: new Date(row.create_time),
  };
}
