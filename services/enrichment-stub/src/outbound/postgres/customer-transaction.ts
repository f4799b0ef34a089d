import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { topics } from '@orderflow/contracts';
import { CustomerUpdatedSchema } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import { appendOutbox, encodeEvent } from '@orderflow/messaging';
import { currentTrace, type InTransaction } from '@orderflow/runtime';
import { runIdempotent } from '@orderflow/storage';
import type { Customer } from '../../domain/customer.ts';
import type { CustomerTransaction } from '../../ports.ts';
import { tablesOf } from './tables.ts';

/** Runs changes of customers, with their events in the outbox and the stored responses, in one Postgres transaction. */
export function postgresCustomerTransactions(
  orm: MikroORM,
  now: () => Date,
): InTransaction<CustomerTransaction> {
  return (work) =>
    orm.em
      .fork()
      .transactional((em) =>
        work(customerTransaction(em), (request, respond) => runIdempotent(em, request, now(), respond)),
      );
}

function customerTransaction(em: SqlEntityManager): CustomerTransaction {
  const tables = tablesOf(em);
  return {
    findForUpdate: (customerId: string): Promise<Customer | undefined> =>
      tables
        .selectFrom('customer')
        .selectAll()
        .where('customerId', '=', customerId)
        .forUpdate()
        .executeTakeFirst(),

    async insert(customer) {
      const result = await tables
        .insertInto('customer')
        .values(customer)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    },

    async update({ customerId, ...changes }) {
      await tables.updateTable('customer').set(changes).where('customerId', '=', customerId).execute();
    },

    async publishUpdated({ customerId, version, updateTime }) {
      const event = create(CustomerUpdatedSchema, {
        customerId,
        version,
        updateTime: timestampFromDate(updateTime),
      });
      const traceparent = currentTrace()?.traceparent;
      const { headers, value } = encodeEvent(CustomerUpdatedSchema, event, {
        id: `${customerId}/${version}`,
        source: '/orderflow/enrichment-stub',
        subject: customerId,
        time: updateTime,
        ...(traceparent !== undefined && { traceparent }),
      });
      await appendOutbox(em, [{ topic: topics.customerEvents, key: customerId, headers, value }]);
    },
  };
}
