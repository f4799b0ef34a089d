import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Attempt, PaymentReader, StoredPayment } from '../../ports.ts';
import { toPayment } from './payment-row.ts';
import { tablesOf } from './tables.ts';

/** Reads payments in Postgres, on the entity manager that `em` gives. */
export function paymentReader(em: () => SqlEntityManager): PaymentReader {
  const payments = () => tablesOf(em()).selectFrom('payment').selectAll();
  return {
    async find(orderId) {
      const row = await payments().where('orderId', '=', orderId).executeTakeFirst();
      if (row === undefined) return undefined;
      const rows = await tablesOf(em())
        .selectFrom('payment_attempt')
        .selectAll()
        .where('orderId', '=', orderId)
        .orderBy('number')
        .execute();
      const calls = rows.map(
        ({ kind, key, outcome, detail, createTime, endTime }): Attempt => ({
          kind,
          key,
          outcome: outcome ?? undefined,
          detail,
          createTime,
          endTime: endTime ?? undefined,
        }),
      );
      return { ...stored(row), calls };
    },

    async page({ customerId, state, after, limit }) {
      let query = payments().orderBy('createTime', 'desc').orderBy('orderId', 'desc').limit(limit);
      if (customerId !== undefined) query = query.where('customerId', '=', customerId);
      if (state !== undefined) query = query.where('state', '=', state);
      if (after !== undefined) {
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('createTime', 'orderId'), '<', tuple(after.createTime, after.orderId)),
        );
      }
      return (await query.execute()).map(stored);
    },
  };
}

function stored(row: Parameters<typeof toPayment>[0]): StoredPayment {
  return { payment: toPayment(row), createTime: row.createTime, updateTime: row.updateTime };
}
