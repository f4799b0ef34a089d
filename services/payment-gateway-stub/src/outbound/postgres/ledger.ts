import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { nativeQuery } from '@orderflow/storage';
import type { Charge, LedgerEntry, Movement } from '../../domain/charge.ts';
import type { LedgerReader, LedgerTransaction } from '../../ports.ts';
import { tablesOf } from './tables.ts';

/** Any number will do as long as no other advisory lock of the database has it. */
const ledgerLock = 8_006;

const prefixes: Record<Movement['kind'], string> = { CHARGE: 'ch', VOID: 'vd', REFUND: 'rf' };

/**
 * Runs the work in a transaction that has the ledger for itself: one movement after the other, so that entries have no
 * gaps and no key can be used twice at the same time.
 */
export function ledgerTransactions(
  orm: MikroORM,
  now: () => Date,
): <T>(work: (transaction: LedgerTransaction) => Promise<T>) => Promise<T> {
  return (work) =>
    orm.em.fork().transactional(async (em) => {
      await nativeQuery(em, 'select pg_advisory_xact_lock($1)', [ledgerLock]);
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

    async append(movement) {
      const { next } = await tables
        .selectFrom('ledger')
        .select(({ fn, val }) => fn.coalesce(fn.max('sequence'), val(0n)).as('next'))
        .executeTakeFirstOrThrow();
      const sequence = BigInt(next) + 1n;
      const transactionId = `${prefixes[movement.kind]}-${sequence}`;
      await tables
        .insertInto('ledger')
        .values({ ...movement, sequence, transactionId, createTime: now() })
        .execute();
      return transactionId;
    },
  };
}
