import type { Customer } from '../domain/customer.ts';
import { type Page, type PageRequest, pageOf } from '../domain/page.ts';
import type { CustomerReader } from '../ports.ts';

/** One page of customers in the order of ids. */
export async function listCustomers(
  reader: CustomerReader,
  { afterId, size }: PageRequest,
): Promise<Page<Customer>> {
  const customers = await reader.page(afterId, size + 1);
  return pageOf(customers, size, (customer) => customer.customerId);
}
