import { type Customer, type CustomerContent, updatedCustomer } from '../domain/customer.ts';
import { Refusal } from '../domain/refusal.ts';
import type { CustomerTransaction } from '../ports.ts';
import { customerNotFound } from './get-customer.ts';

interface Dependencies {
  readonly transaction: CustomerTransaction;
  readonly now: () => Date;
}

/** The new content of a customer. */
export interface CustomerUpdate {
  readonly customerId: string;
  readonly content: CustomerContent;
  /** The version the caller has read; 0: any. */
  readonly expectedVersion: bigint;
}

/**
 * Replaces a customer's content and publishes the change.
 * @throws Refusal CUSTOMER_NOT_FOUND, VERSION_MISMATCH
 */
export async function updateCustomer(
  { transaction, now }: Dependencies,
  { customerId, content, expectedVersion }: CustomerUpdate,
): Promise<Customer> {
  const current = await transaction.findForUpdate(customerId);
  if (current === undefined) throw customerNotFound(customerId);
  if (expectedVersion !== 0n && expectedVersion !== current.version) {
    throw new Refusal(
      'VERSION_MISMATCH',
      `customer ${customerId} is at version ${current.version}, not ${expectedVersion}: read it again, apply the change, repeat`,
      {
        customer_id: customerId,
        current_version: `${current.version}`,
        given_version: `${expectedVersion}`,
      },
    );
  }
  const customer = updatedCustomer(current, content, now());
  transaction.update(customer);
  transaction.publishUpdated(customer);
  return customer;
}
