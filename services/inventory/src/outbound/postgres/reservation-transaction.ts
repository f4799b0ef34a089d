import { appendOutbox } from '@orderflow/messaging';
import { type Database, millis, type Sql, sqlState, type Transaction } from '@orderflow/storage';
import type { Reservation } from '../../domain/reservation.ts';
import type { Stock } from '../../domain/stock.ts';
import {
  ConcurrentReservationError,
  type InReservationTransaction,
  type ReservationTransaction,
} from '../../ports.ts';
import { type StoredReservation, toReservation, toStoredLine } from './stored-reservation.ts';
import { type SelectedStock, stockColumns, toStock } from './stored-stock.ts';
import { toEvent } from './to-event.ts';

const uniqueViolation = '23505';

/**
 * Writes reservations, stock and replies in one Postgres transaction: a handful of statements, however many events.
 * Rows are locked in id order, reservations before stock, so that two batches cannot deadlock.
 */
export function postgresReservationTransactions(database: Database): InReservationTransaction {
  return async (work) => {
    try {
      return await database.transaction((transaction) => work(reservationTransaction(transaction)));
    } catch (error) {
      if (sqlState(error) !== uniqueViolation) throw error;
      // Missing rows cannot be locked. A process whose partition was revoked while it was frozen may be handling the
      // same orders: the second one to insert has decided without knowing the first.
      const message = 'another process has handled orders of this batch at the same time';
      throw new ConcurrentReservationError(message, { cause: error });
    }
  };
}

function reservationTransaction(transaction: Transaction): ReservationTransaction {
  return {
    async lock(orderIds, productIds) {
      const [reservations, stock] = await Promise.all([
        lockReservations(transaction, orderIds),
        lockStock(transaction, orderIds, productIds),
      ]);
      return { reservations, stock };
    },
    write({ opened, moved, stock, replies }) {
      insertReservations(transaction, opened);
      updateReservations(transaction, moved);
      updateStock(transaction, stock);
      appendOutbox(transaction, replies.map(toEvent));
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

async function lockReservations(sql: Sql, orderIds: readonly string[]): Promise<Reservation[]> {
  const rows = await sql.query<LockedReservation>(
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

/** It reads the products of the reservations itself, so that it can be sent before they have been returned. */
async function lockStock(
  sql: Sql,
  orderIds: readonly string[],
  productIds: readonly string[],
): Promise<Stock[]> {
  const rows = await sql.query<SelectedStock>(
    `select ${stockColumns} from stock
     where product_id = any(array(
       select unnest($1::text[])
       union select line ->> 'product_id'
         from reservation, jsonb_array_elements(lines) as line where order_id = any($2::text[])
     ))
     order by product_id for update`,
    [productIds, orderIds],
  );
  return rows.map(toStock);
}

/** In id order, so that two batches cannot deadlock. */
function insertReservations(transaction: Transaction, opened: readonly Reservation[]): void {
  if (opened.length === 0) return;
  transaction.write(
    `insert into reservation (order_id, state, lines, customer_id, total, currency, create_time, update_time)
     select order_id, state, lines::jsonb, customer_id, total, currency, $7, $7
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
       as new (order_id, state, lines, customer_id, total, currency)
     order by order_id collate "C"`,
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
}

function updateReservations(transaction: Transaction, moved: readonly Reservation[]): void {
  if (moved.length === 0) return;
  transaction.write(
    `update reservation set state = new.state, update_time = $3
     from unnest($1::text[], $2::text[]) as new (order_id, state)
     where reservation.order_id = new.order_id`,
    [moved.map(({ orderId }) => orderId), moved.map(({ state }) => state), moved[0]?.updateTime],
  );
}

function updateStock(transaction: Transaction, stock: readonly Stock[]): void {
  if (stock.length === 0) return;
  transaction.write(
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
