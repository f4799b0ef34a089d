import { type Customer, type CustomerContent, newCustomer, updatedCustomer } from '../domain/customer.ts';
import type { CustomerTransaction } from '../ports.ts';
import { checkVersion } from './update-customer.ts';

interface Dependencies {
  readonly transaction: CustomerTransaction;
  readonly now: () => Date;
}

/** The content that a customer is to have, whether it exists or not. */
export interface CustomerPut {
  readonly customerId: string;
  /** `active` undefined: a new customer is active, an existing one stays as it is. */
  readonly content: Omit<CustomerContent, 'active'> & { readonly active: boolean | undefined };
  /** The version the caller has read; 0: any, and the customer need not exist. */
  readonly expectedVersion: bigint;
}

/**
 * Creates a customer, or replaces its content, and publishes the change.
 * @throws Refusal VERSION_MISMATCH
 */
export async function putCustomer(
  { transaction, now }: Dependencies,
  { customerId, content, expectedVersion }: CustomerPut,
): Promise<Customer> {
  let current = await transaction.findForUpdate(customerId);
  if (current === undefined) {
    checkVersion(customerId, 0n, expectedVersion);
    const customer = newCustomer(customerId, { ...content, active: content.active ?? true }, now());
    if (await transaction.insert(customer)) {
      transaction.publishUpdated(customer);
      return customer;
    }
    // Another call has created it in between. Customers are never deleted.
    current = await transaction.findForUpdate(customerId);
    if (current === undefined) throw new Error(`customer ${customerId} neither exists nor can be inserted`);
  }
  checkVersion(customerId, current.version, expectedVersion);
  const customer = updatedCustomer(current, { ...content, active: content.active ?? current.active }, now());
  transaction.update(customer);
  transaction.publishUpdated(customer);
  return customer;
}
