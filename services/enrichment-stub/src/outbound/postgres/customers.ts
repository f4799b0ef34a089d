import type { MikroORM } from '@mikro-orm/postgresql';
import type { Customer } from '../../domain/customer.ts';
import type { CustomerReader } from '../../ports.ts';
import { storable } from './storable.ts';
import { tablesOf } from './tables.ts';

/** Reads customers from table `customer`. */
export function postgresCustomers(orm: MikroORM): CustomerReader {
  const customers = () => tablesOf(orm.em.fork()).selectFrom('customer').selectAll();
  return {
    async find(customerIds) {
      const rows = await customers()
        .where('customerId', '=', ({ fn, val }) => fn.any(val(storable(customerIds))))
        .execute();
      return rows.map(toCustomer);
    },
    async page(afterId, limit) {
      const rows = await customers()
        .where('customerId', '>', afterId ?? '')
        .orderBy('customerId')
        .limit(limit)
        .execute();
      return rows.map(toCustomer);
    },
  };
}

function toCustomer({ address, ...row }: Omit<Customer, 'address'> & { address: string | null }): Customer {
  return { ...row, address: address ?? '' };
}
