import type { Customer } from '../domain/customer.ts';
import { type Page, type PageRequest, pageOf, readPageRequest } from '../domain/page.ts';
import type { CustomerReader } from '../ports.ts';

/**
 * One page of customers in the order of ids.
 * @throws Refusal PAGE_TOKEN_INVALID
 */
export async function listCustomers(reader: CustomerReader, request: PageRequest): Promise<Page<Customer>> {
  const { afterId, size } = readPageRequest('customers', request);
  const customers = await reader.page(afterId, size + 1);
  return pageOf('customers', customers, size, (customer) => customer.customerId);
}
