import { type Customer, type CustomerContent, newCustomer } from '../domain/customer.ts';
import { Refusal } from '../domain/refusal.ts';
import type { CustomerTransaction } from '../ports.ts';

interface Dependencies {
  readonly transaction: CustomerTransaction;
  readonly now: () => Date;
}

/**
 * Stores a new customer and publishes it.
 * @throws Refusal CUSTOMER_ALREADY_EXISTS
 */
export async function createCustomer(
  { transaction, now }: Dependencies,
  customerId: string,
  content: CustomerContent,
): Promise<Customer> {
  const customer = newCustomer(customerId, content, now());
  if (!(await transaction.insert(customer))) {
    throw new Refusal('CUSTOMER_ALREADY_EXISTS', `customer ${customerId} exists already`, {
      customer_id: customerId,
    });
  }
  transaction.publishUpdated(customer);
  return customer;
}
