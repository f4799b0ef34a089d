import type { MikroORM } from '@mikro-orm/postgresql';
import type { InTransaction } from '@orderflow/runtime';
import { runIdempotent } from '@orderflow/storage';
import type { OrderTransaction } from '../../ports.ts';
import { findOrders } from './order-reader.ts';
import { sagaTransaction } from './saga-transaction.ts';

/** Advances an order, with its events and the response to a caller, in one Postgres transaction. */
export function createOrderTransactions(
  orm: MikroORM,
  { currency, now }: { readonly currency: string; readonly now: () => Date },
): InTransaction<OrderTransaction> {
  return (work) =>
    orm.em.fork().transactional((em) =>
      work(
        {
          ...sagaTransaction(em, currency),
          find: async (orderId) => (await findOrders(em, [orderId])).get(orderId),
        },
        (request, respond) => runIdempotent(em, request, now(), respond),
      ),
    );
}
