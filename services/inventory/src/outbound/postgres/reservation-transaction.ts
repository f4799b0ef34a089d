import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { appendOutbox } from '@orderflow/messaging';
import { millis, nativeQuery, pipelined } from '@orderflow/storage';
import type { Reservation } from '../../domain/reservation.ts';
import type { Stock } from '../../domain/stock.ts';
import {
  ConcurrentReservationError,
  type InReservationTransaction,
  type ReservationTransaction,
} from '../../ports.ts';
import { type StoredReservation, toReservation, toStoredLine } from './stored-reservation.ts';
import { toEvent } from './to-event.ts';

/**
 * Writes reservations, stock and replies in one Postgres transaction: a handful of statements, however many events.
 * Rows are locked in id order, reservations before stock, so that two batches cannot deadlock.
 */
export function postgresReservationTransactions(orm: MikroORM): InReservationTransaction {
  return (work) => orm.em.fork().transactional((em) => work(reservationTransaction(em)));
}

function reservationTransaction(em: SqlEntityManager): ReservationTransaction {
  return {
    lockReservations: (orderIds) => lockReservations(em, orderIds),
    lockStock: (productIds) => lockStock(em, productIds),
    async write({ opened, moved, stock, replies }) {
      await pipelined(
        () => insertReservations(em, opened),
        () => updateReservations(em, moved),
        () => updateStock(em, stock),
        () => appendOutbox(em, replies.map(toEvent)),
      );
    },
  };
}

/**
 * As the driver returns it, with times in milliseconds: the mapper's conversion of rows would cost a third of a batch.
 */
interface LockedReservation extends Omit<StoredReservation, 'total' | 'createTime' | 'updateTime'> {
  readonly total: string | null;
  readonly createMs: number;
  readonly updateMs: number;
}

async function lockReservations(em: SqlEntityManager, orderIds: readonly string[]): Promise<Reservation[]> {
  const rows = await nativeQuery<LockedReservation>(
    em,
    `select order_id as "orderId", state, lines, customer_id as "customerId", total, currency,
       ${millis('create_time')} as "createMs",
       ${millis('update_time')} as "updateMs"
     from reservation where order_id = any($1::text[]) order by order_id for update`,
    [orderIds],
  );
  return rows.map(({ total, createMs, updateMs, ...row }) =>
    toReservation({
      ...row,
      total: total === null ? null : BigInt(total),
      createTime: new Date(createMs),
      updateTime: new Date(updateMs),
    }),
  );
}

interface LockedStock {
  readonly productId: string;
  readonly onHand: string;
  readonly reserved: string;
  readonly committed: string;
  readonly updateMs: number;
}

async function lockStock(em: SqlEntityManager, productIds: readonly string[]): Promise<Stock[]> {
  if (productIds.length === 0) return [];
  const rows = await nativeQuery<LockedStock>(
    em,
    `select product_id as "productId", on_hand as "onHand", reserved, committed,
       ${millis('update_time')} as "updateMs"
     from stock where product_id = any($1::text[]) order by product_id for update`,
    [productIds],
  );
  return rows.map(({ productId, onHand, reserved, committed, updateMs }) => ({
    productId,
    onHand: BigInt(onHand),
    reserved: BigInt(reserved),
    committed: BigInt(committed),
    updateTime: new Date(updateMs),
  }));
}

/**
 * Missing rows cannot be locked. A process whose partition was revoked while it was frozen may be handling the same
 * orders: the second one to insert has decided without knowing the first, and must start again.
 */
async function insertReservations(em: SqlEntityManager, opened: readonly Reservation[]): Promise<void> {
  if (opened.length === 0) return;
  const inserted = await nativeQuery(
    em,
    `insert into reservation (order_id, state, lines, customer_id, total, currency, create_time, update_time)
     select order_id, state, lines::jsonb, customer_id, total, currency, $7, $7
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
       as new (order_id, state, lines, customer_id, total, currency)
     order by order_id collate "C"
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
    throw new ConcurrentReservationError('another process has handled orders of this batch at the same time');
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
