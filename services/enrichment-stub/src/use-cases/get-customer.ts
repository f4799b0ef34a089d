import type { Customer } from '../domain/customer.ts';
import { Refusal } from '../domain/refusal.ts';
import type { CustomerReader } from '../ports.ts';

/** @throws Refusal CUSTOMER_NOT_FOUND */
export async function getCustomer(customers: CustomerReader, customerId: string): Promise<Customer> {
  const [customer] = await customers.find([customerId]);
  if (customer === undefined) throw customerNotFound(customerId);
  return customer;
}

export function customerNotFound(customerId: string): Refusal {
  return new Refusal('CUSTOMER_NOT_FOUND', `customer ${customerId} does not exist`, {
    customer_id: customerId,
  });
}
