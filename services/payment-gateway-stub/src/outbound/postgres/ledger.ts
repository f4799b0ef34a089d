import { type Database, millis, type Sql, type Transaction } from '@orderflow/storage';
import type { Charge, LedgerEntry } from '../../domain/charge.ts';
import type { InLedgerTransaction, LedgerReader, LedgerTransaction } from '../../ports.ts';

/** The first key of the advisory lock of a charge's key; the previous version locked the whole ledger with 1. */
const keyLocks = 2;

/** Creates transactions on the charges and the ledger in Postgres. */
export function ledgerTransactions(database: Database, now: () => Date): InLedgerTransaction {
  return (keys, work) =>
    database.transaction(async (transaction) => {
      // In one order, so that two transactions cannot deadlock.
      const locked = transaction.query(
        `select pg_advisory_xact_lock($1, hash)
         from (select distinct hashtext(key) as hash from unnest($2::text[]) as key order by hash) as locks`,
        [keyLocks, keys],
      );
      // The server runs what is sent after it once it has the locks.
      const [result] = await Promise.all([work(ledgerTransaction(transaction, now)), locked]);
      return result;
    });
}

/** An entry as the driver returns it, with its time in milliseconds. */
interface StoredEntry extends Omit<LedgerEntry, 'sequence' | 'amount' | 'createTime'> {
  readonly sequence: string;
  readonly amount: string;
  readonly createMs: number;
}

/** Reads the ledger. */
export function ledgerReader(database: Sql): LedgerReader {
  return {
    async page(orderId, sequence, limit) {
      const [ofOrder, orderIds] = orderId === undefined ? ['', []] : ['and order_id = $3', [orderId]];
      const rows = await database.query<StoredEntry>(
        `select sequence, kind, charge_key as "chargeKey", order_id as "orderId", amount, currency,
           transaction_id as "transactionId", ${millis('create_time')} as "createMs"
         from ledger where sequence > $1 ${ofOrder} order by sequence limit $2`,
        [sequence, limit, ...orderIds],
      );
      return rows.map(({ sequence, amount, createMs, ...entry }) => ({
        ...entry,
        sequence: BigInt(sequence),
        amount: BigInt(amount),
        createTime: new Date(createMs),
      }));
    },
  };
}

/** A charge as the driver returns it. */
interface StoredCharge extends Omit<Charge, 'amount' | 'refund'> {
  readonly amount: string;
  readonly refundKey: string | null;
  readonly refundTransactionId: string | null;
}

const chargeColumns = `key, order_id as "orderId", customer_id as "customerId", amount, currency, outcome,
  transaction_id as "transactionId", decline_code as "declineCode", voided, refund_key as "refundKey",
  refund_transaction_id as "refundTransactionId"`;

/** The request and its first outcome never change: of an existing charge only the rest is updated. */
const saveCharge = `
  insert into charge (key, order_id, customer_id, amount, currency, outcome, transaction_id, decline_code, voided,
    refund_key, refund_transaction_id)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
  on conflict (key) do update set voided = excluded.voided, refund_key = excluded.refund_key,
    refund_transaction_id = excluded.refund_transaction_id`;

/**
 * Writes movements one after the other, so that numbers have no gaps and a reader that pages misses none: the row of
 * the head is locked until the transaction ends. Its update reads from `saved` so that it is locked after the charge is
 * written. A process of the previous version, running during a roll-out, numbers from the ledger and leaves the head
 * behind: hence the greatest of both.
 */
const saveChargeAndMovement = `
  with saved as (${saveCharge} returning 1),
  head as (
    update ledger_head set last = greatest(last, (select max(sequence) from ledger)) + 1 from saved returning last
  )
  insert into ledger (sequence, kind, charge_key, order_id, amount, currency, transaction_id, create_time)
  values ((select last from head), $12, $13, $14, $15, $16, $17, $18)`;

function ledgerTransaction(transaction: Transaction, now: () => Date): LedgerTransaction {
  const findBy = async (column: 'key' | 'refund_key', values: readonly string[]): Promise<Charge[]> => {
    const query = `select ${chargeColumns} from charge where ${column} = any($1::text[])`;
    return (await transaction.query<StoredCharge>(query, [values])).map(toCharge);
  };
  return {
    find: async (keys) => new Map((await findBy('key', keys)).map((charge) => [charge.key, charge])),
    findByRefund: async (refundKey) => (await findBy('refund_key', [refundKey]))[0],

    save(charge, movement) {
      const values = valuesOf(charge);
      if (movement === undefined) {
        transaction.write(saveCharge, values);
        return;
      }
      const { kind, chargeKey, orderId, amount, currency, transactionId } = movement;
      const entry = [kind, chargeKey, orderId, amount, currency, transactionId, now()];
      transaction.write(saveChargeAndMovement, [...values, ...entry]);
    },
  };
}

function toCharge({ amount, refundKey, refundTransactionId, ...row }: StoredCharge): Charge {
  const refund =
    refundKey === null || refundTransactionId === null
      ? undefined
      : { key: refundKey, transactionId: refundTransactionId };
  return { ...row, amount: BigInt(amount), refund };
}

/** The parameters of {@link saveCharge}. */
function valuesOf(charge: Charge): unknown[] {
  return [
    charge.key,
    charge.orderId,
    charge.customerId,
    charge.amount,
    charge.currency,
    charge.outcome,
    charge.transactionId,
    charge.declineCode,
    charge.voided,
    charge.refund?.key ?? null,
    charge.refund?.transactionId ?? null,
  ];
}
