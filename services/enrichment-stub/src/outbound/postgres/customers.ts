import type { MikroORM } from '@mikro-orm/postgresql';
import type { Customer } from '../../domain/customer.ts';
import type { CustomerReader } from '../../ports.ts';
import { storable } from './storable.ts';
import { tablesOf } from './tables.ts';

/** Reads customers from table `customer`. */
export function postgresCustomers(orm: MikroORM): CustomerReader {
  const customers = () => tablesOf(orm.em.fork()).selectFrom('customer').selectAll();
  return {
    find: (customerIds: readonly string[]): Promise<Customer[]> =>
      customers()
        .where('customerId', '=', ({ fn, val }) => fn.any(val(storable(customerIds))))
        .execute(),
    page: (afterId: string | undefined, limit: number): Promise<Customer[]> =>
      customers()
        .where('customerId', '>', afterId ?? '')
        .orderBy('customerId')
        .limit(limit)
        .execute(),
  };
}
