import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { nativeQuery } from '@orderflow/storage';
import type { Charge, LedgerEntry } from '../../domain/charge.ts';
import type { LedgerReader, LedgerTransaction } from '../../ports.ts';
import { tablesOf } from './tables.ts';

/** Locks of their own kinds: the ledger as a whole, and each key of a charge. */
const ledgerLock = 1;
const keyLocks = 2;

/** Runs the work in a transaction that has a charge's key for itself. */
type InTransaction = <T>(key: string, work: (transaction: LedgerTransaction) => Promise<T>) => Promise<T>;

/** Transactions on the charges and the ledger in Postgres. */
export function ledgerTransactions(orm: MikroORM, now: () => Date): InTransaction {
  return (key, work) =>
    orm.em.fork().transactional(async (em) => {
      await nativeQuery(em, 'select pg_advisory_xact_lock($1, hashtext($2))', [keyLocks, key]);
      return work(ledgerTransaction(em, now));
    });
}

/** Reads the ledger as it is on disk. */
export function ledgerReader(orm: MikroORM): LedgerReader {
  return {
    page(orderId, sequence, limit): Promise<LedgerEntry[]> {
      const entries = tablesOf(orm.em.fork())
        .selectFrom('ledger')
        .selectAll()
        .where('sequence', '>', sequence)
        .orderBy('sequence')
        .limit(limit);
      return (orderId === undefined ? entries : entries.where('orderId', '=', orderId)).execute();
    },
  };
}

function ledgerTransaction(em: SqlEntityManager, now: () => Date): LedgerTransaction {
  const tables = tablesOf(em);
  const findBy = async (column: 'key' | 'refundKey', value: string): Promise<Charge | undefined> => {
    const row = await tables.selectFrom('charge').selectAll().where(column, '=', value).executeTakeFirst();
    if (row === undefined) return undefined;
    const { refundKey, refundTransactionId, ...charge } = row;
    const refund =
      refundKey === null || refundTransactionId === null
        ? undefined
        : { key: refundKey, transactionId: refundTransactionId };
    return { ...charge, refund };
  };
  return {
    find: (key) => findBy('key', key),
    findByRefund: (refundKey) => findBy('refundKey', refundKey),

    async save({ refund, ...charge }) {
      const row = {
        ...charge,
        refundKey: refund?.key ?? null,
        refundTransactionId: refund?.transactionId ?? null,
      };
      await tables
        .insertInto('charge')
        .values(row)
        .onConflict((conflict) => conflict.column('key').doUpdateSet(row))
        .execute();
    },

    async append({ kind, chargeKey, orderId, amount, currency, transactionId }) {
      // One movement after the other, so that numbers have no gaps and whoever reads on misses none.
      await nativeQuery(em, 'select pg_advisory_xact_lock($1, 0)', [ledgerLock]);
      await nativeQuery(
        em,
        `insert into ledger (sequence, kind, charge_key, order_id, amount, currency, transaction_id, create_time)
         select coalesce(max(sequence), 0) + 1, $1, $2, $3, $4, $5, $6, $7 from ledger`,
        [kind, chargeKey, orderId, amount, currency, transactionId, now()],
      );
    },
  };
}
