import type { Customer } from '../domain/customer.ts';
import type { CustomerReader } from '../ports.ts';

/** Returns every id exactly once: with its customer, or as not found. */
export async function batchGetCustomers(
  reader: CustomerReader,
  customerIds: readonly string[],
): Promise<{ found: Customer[]; notFoundIds: string[] }> {
  const asked = new Set(customerIds);
  const found = await reader.find([...asked]);
  const foundIds = new Set(found.map((customer) => customer.customerId));
  return { found, notFoundIds: [...asked.difference(foundIds)] };
}
