import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { topics } from '@orderflow/contracts';
import { CustomerUpdatedSchema } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import { appendOutbox, encodeEvent } from '@orderflow/messaging';
import { currentTrace, type InTransaction } from '@orderflow/runtime';
import { type Database, idempotentTransactions, millis, type Transaction } from '@orderflow/storage';
import type { Customer } from '../../domain/customer.ts';
import type { CustomerTransaction } from '../../ports.ts';

/** Runs changes of customers, with their events in the outbox and the stored responses, in one Postgres transaction. */
export function postgresCustomerTransactions(
  database: Database,
  now: () => Date,
): InTransaction<CustomerTransaction> {
  return idempotentTransactions(database, now, customerTransaction);
}

interface LockedCustomer extends Pick<Customer, 'customerId' | 'name' | 'email' | 'address' | 'active'> {
  readonly version: string;
  readonly createMs: number;
  readonly updateMs: number;
}

function customerTransaction(transaction: Transaction): CustomerTransaction {
  return {
    async findForUpdate(customerId) {
      const [row] = await transaction.query<LockedCustomer>(
        `select customer_id as "customerId", name, email, coalesce(address, '') as address, active, version,
           ${millis('create_time')} as "createMs", ${millis('update_time')} as "updateMs"
         from customer where customer_id = $1 for update`,
        [customerId],
      );
      if (row === undefined) return undefined;
      const { version, createMs, updateMs, ...customer } = row;
      return {
        ...customer,
        version: BigInt(version),
        createTime: new Date(createMs),
        updateTime: new Date(updateMs),
      };
    },

    async insert({ customerId, name, email, address, active, version, createTime, updateTime }) {
      const inserted = await transaction.query(
        `insert into customer (customer_id, name, email, address, active, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict do nothing
         returning 1`,
        [customerId, name, email, address, active, version, createTime, updateTime],
      );
      return inserted.length === 1;
    },

    update({ customerId, name, email, address, active, version, updateTime }) {
      transaction.write(
        `update customer set name = $2, email = $3, address = $4, active = $5, version = $6, update_time = $7
         where customer_id = $1`,
        [customerId, name, email, address, active, version, updateTime],
      );
    },

    publishUpdated({ customerId, version, updateTime }) {
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
      appendOutbox(transaction, [{ topic: topics.customerEvents, key: customerId, headers, value }]);
    },
  };
}
