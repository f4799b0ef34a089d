import { packRecord, type ReceivedRecord, unpackRecord } from '@orderflow/messaging';
import type { Component } from '@orderflow/runtime';
import {
  bigintArray,
  byteaArray,
  type ExpiryOptions,
  expiry,
  type Sql,
  type Transaction,
  textArray,
} from '@orderflow/storage';
import type { Waiting } from '../../domain/payable.ts';

interface WaitingRow {
  readonly orderId: string;
  readonly heard: Waiting['heard'];
  readonly customerId: string;
  readonly amount: string;
  readonly currency: string;
  readonly lines: string;
  readonly record: Buffer | null;
}

/** Locks the waiting charges of these orders until the end of the transaction; returns them by order id. */
export async function lockWaiting(sql: Sql, orderIds: readonly string[]): Promise<Map<string, Waiting>> {
  const rows = await sql.query<WaitingRow>(
    `select order_id as "orderId", heard, customer_id as "customerId", amount, currency, lines, record
     from waiting_charge where order_id = any($1::text[]) order by order_id for update`,
    [textArray(orderIds)],
  );
  return new Map(rows.map((row) => [row.orderId, toWaiting(row)]));
}

function toWaiting({ orderId, heard, record, amount, ...payable }: WaitingRow): Waiting {
  const { customerId, currency, lines } = payable;
  return {
    orderId,
    state: 'WAITING',
    heard,
    payable: { customerId, amount: BigInt(amount), currency, lines },
    record: record === null ? undefined : unpackRecord(record),
  };
}

/** In id order, so that two batches cannot deadlock. */
export function insertWaiting(transaction: Transaction, waiting: readonly Waiting[], now: Date): void {
  if (waiting.length === 0) return;
  transaction.write(
    `insert into waiting_charge (order_id, heard, customer_id, amount, currency, lines, record, create_time)
     select order_id, heard, customer_id, amount, currency, lines, record, $1
     from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::bytea[])
       as new(order_id, heard, customer_id, amount, currency, lines, record)
     order by order_id collate "C"`,
    [
      now,
      textArray(waiting.map(({ orderId }) => orderId)),
      textArray(waiting.map(({ heard }) => heard)),
      textArray(waiting.map(({ payable }) => payable.customerId)),
      bigintArray(waiting.map(({ payable }) => payable.amount)),
      textArray(waiting.map(({ payable }) => payable.currency)),
      textArray(waiting.map(({ payable }) => payable.lines)),
      byteaArray(
        waiting.map(({ record }) => (record === undefined ? null : packRecord(record as ReceivedRecord))),
      ),
    ],
  );
}

export function deleteWaiting(transaction: Transaction, orderIds: readonly string[]): void {
  if (orderIds.length === 0) return;
  transaction.write('delete from waiting_charge where order_id = any($1::text[])', [textArray(orderIds)]);
}

/**
 * Deletes waiting charges that are older than the retention of the topics. Nothing is lost: an order that still waits
 * is requeried, which republishes both events.
 */
export function waitingExpiry(options: ExpiryOptions): Component {
  return expiry('waiting_charge', 'order_id', options);
}
