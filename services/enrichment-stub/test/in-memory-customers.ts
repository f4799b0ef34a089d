import type { Customer } from '../src/domain/customer.ts';
import type { CustomerReader, CustomerTransaction } from '../src/ports.ts';

/** Customers and their published updates, in memory, with the guarantees of the ports. */
export function inMemoryCustomers(initial: readonly Customer[] = []) {
  const customers = new Map(initial.map((customer) => [customer.customerId, customer]));
  const published: Customer[] = [];

  const reader: CustomerReader = {
    find: async (ids) => ids.flatMap((id) => customers.get(id) ?? []),
    async page(afterId = '', limit) {
      const ids = [...customers.keys()].filter((id) => id > afterId).sort();
      return ids.slice(0, limit).flatMap((id) => customers.get(id) ?? []);
    },
  };

  const transaction: CustomerTransaction = {
    findForUpdate: async (id) => customers.get(id),
    async insert(customer) {
      if (customers.has(customer.customerId)) return false;
      customers.set(customer.customerId, customer);
      return true;
    },
    update: async (customer) => void customers.set(customer.customerId, customer),
    publishUpdated: async (customer) => void published.push(customer),
  };

  return { reader, transaction, published };
}
