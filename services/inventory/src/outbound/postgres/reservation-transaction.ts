import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { appendOutbox } from '@orderflow/messaging';
import { nativeQuery } from '@orderflow/storage';
import type { Reservation } from '../../domain/reservation.ts';
import type { Stock } from '../../domain/stock.ts';
import {
  type InReservationTransaction,
  type ReservationTransaction,
  ReservedMeanwhile,
} from '../../ports.ts';
import { toReservation, toStoredLine } from './stored-reservation.ts';
import { tablesOf } from './tables.ts';
import { toEvent } from './to-event.ts';

/**
 * Reservations, stock and answers in one Postgres transaction: a handful of statements, however many events. Rows are
 * locked in id order, reservations before stock, so that two slices cannot lock each other out.
 */
export function postgresReservationTransactions(orm: MikroORM): InReservationTransaction {
  return (work) => orm.em.fork().transactional((em) => work(reservationTransaction(em)));
}

function reservationTransaction(em: SqlEntityManager): ReservationTransaction {
  return {
    lockReservations: (orderIds) => lockReservations(em, orderIds),
    lockStock: (productIds) => lockStock(em, productIds),
    async write({ opened, moved, stock, answers }) {
      await insertReservations(em, opened);
      await updateReservations(em, moved);
      await updateStock(em, stock);
      await appendOutbox(em, answers.map(toEvent));
    },
  };
}

async function lockReservations(em: SqlEntityManager, orderIds: readonly string[]): Promise<Reservation[]> {
  const rows = await tablesOf(em)
    .selectFrom('reservation')
    .selectAll()
    .where('orderId', '=', ({ fn, val }) => fn.any(val([...orderIds])))
    .orderBy('orderId')
    .forUpdate()
    .execute();
  return rows.map(toReservation);
}

async function lockStock(em: SqlEntityManager, productIds: readonly string[]): Promise<Stock[]> {
  if (productIds.length === 0) return [];
  return tablesOf(em)
    .selectFrom('stock')
    .selectAll()
    .where('productId', '=', ({ fn, val }) => fn.any(val([...productIds])))
    .orderBy('productId')
    .forUpdate()
    .execute();
}

/**
 * Rows that are not there cannot be locked. A process whose partition was taken away while it was frozen may be at work
 * on the same orders: whoever inserts second has decided without knowing of the first, and must begin anew.
 */
async function insertReservations(em: SqlEntityManager, opened: readonly Reservation[]): Promise<void> {
  if (opened.length === 0) return;
  const inserted = await nativeQuery(
    em,
    `insert into reservation (order_id, state, lines, customer_id, total, currency, create_time, update_time)
     select order_id, state, lines::jsonb, customer_id, total, currency, $7, $7
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
       as new (order_id, state, lines, customer_id, total, currency)
     order by order_id
     on conflict do nothing
     returning 1`,
    [
      opened.map(({ orderId }) => orderId),
      opened.map(({ state }) => state),
      opened.map(({ lines }) => JSON.stringify(lines.map(toStoredLine))),
      opened.map(({ payable }) => payable?.customerId ?? null),
      opened.map(({ payable }) => payable?.total ?? null),
      opened.map(({ payable }) => payable?.currency ?? null),
      opened[0]?.updateTime,
    ],
  );
  if (inserted.length < opened.length) {
    throw new ReservedMeanwhile('another process has handled orders of this slice at the same time');
  }
}

async function updateReservations(em: SqlEntityManager, moved: readonly Reservation[]): Promise<void> {
  if (moved.length === 0) return;
  await nativeQuery(
    em,
    `update reservation set state = new.state, update_time = $3
     from unnest($1::text[], $2::text[]) as new (order_id, state)
     where reservation.order_id = new.order_id`,
    [moved.map(({ orderId }) => orderId), moved.map(({ state }) => state), moved[0]?.updateTime],
  );
}

async function updateStock(em: SqlEntityManager, stock: readonly Stock[]): Promise<void> {
  if (stock.length === 0) return;
  await nativeQuery(
    em,
    `update stock set on_hand = new.on_hand, reserved = new.reserved, committed = new.committed, update_time = $5
     from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
       as new (product_id, on_hand, reserved, committed)
     where stock.product_id = new.product_id`,
    [
      stock.map(({ productId }) => productId),
      stock.map(({ onHand }) => onHand),
      stock.map(({ reserved }) => reserved),
      stock.map(({ committed }) => committed),
      stock[0]?.updateTime,
    ],
  );
}
