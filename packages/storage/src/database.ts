import type { MikroORM } from '@mikro-orm/postgresql';
import type { Pool, PoolClient } from 'pg';
import { OpenTransaction } from './open-transaction.ts';
import { isUnusableAfter } from './outage.ts';
import type { Database, Transaction } from './sql.ts';

/**
 * The database behind a mapper, on the mapper's pool of connections, whose driver must send statements at once
 * (`pipeline`).
 */
export function databaseOf(orm: MikroORM): Database {
  const listeners: ((transaction: Transaction) => void)[] = [];

  async function connect(): Promise<PoolClient> {
    const pool: Pool = await orm.em.getConnection().getNativeClient();
    return pool.connect();
  }

  return {
    // Not pool.query: it closes the connection after every error.
    async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      const connection = await connect();
      try {
        const { rows } = await connection.query(text, [...values]);
        connection.release();
        return rows as Row[];
      } catch (error) {
        connection.release(isUnusableAfter(error));
        throw error;
      }
    },

    async transaction(work) {
      const connection = await connect();
      const transaction = new OpenTransaction(connection);
      const result = await ended(transaction, connection, work);
      for (const listener of listeners) listener(transaction);
      return result;
    },

    afterCommit(listener) {
      listeners.push(listener);
    },
  };
}

/** Does the work and commits, or rolls back, and releases the connection. */
async function ended<T>(
  transaction: OpenTransaction,
  connection: PoolClient,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  try {
    const result = await work(transaction);
    await transaction.commit();
    connection.release();
    return result;
  } catch (error) {
    // A connection that cannot roll back is closed, which rolls back too.
    const isRolledBack = await transaction.rollback().then(
      () => true,
      () => false,
    );
    connection.release(!isRolledBack || !transaction.leavesConnectionUsable);
    throw error;
  }
}
