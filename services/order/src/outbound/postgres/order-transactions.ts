import type { InTransaction } from '@orderflow/runtime';
import { type Database, idempotentTransactions } from '@orderflow/storage';
import type { OrderTransaction } from '../../ports.ts';
import { findOrders } from './order-reader.ts';
import { sagaTransaction } from './saga-transaction.ts';

/** Advances an order, with its events and the response to a caller, in one Postgres transaction. */
export function createOrderTransactions(
  database: Database,
  { currency, now }: { readonly currency: string; readonly now: () => Date },
): InTransaction<OrderTransaction> {
  return idempotentTransactions(database, now, (transaction) => ({
    ...sagaTransaction(transaction, currency),
    find: async (orderId, ownedBy) => (await findOrders(transaction, [orderId], ownedBy)).get(orderId),
  }));
}
