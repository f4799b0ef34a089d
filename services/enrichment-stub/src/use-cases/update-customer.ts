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
 * Replaces a customer's content and publishes the change. An empty address leaves the present one.
 * @throws Refusal CUSTOMER_NOT_FOUND, VERSION_MISMATCH
 */
export async function updateCustomer(
  { transaction, now }: Dependencies,
  { customerId, content, expectedVersion }: CustomerUpdate,
): Promise<Customer> {
  const current = await transaction.findForUpdate(customerId);
  if (current === undefined) throw customerNotFound(customerId);
  checkVersion(customerId, current.version, expectedVersion);
  const address = content.address || current.address;
  const customer = updatedCustomer(current, { ...content, address }, now());
  transaction.update(customer);
  transaction.publishUpdated(customer);
  return customer;
}

/**
 * Checks the version that a caller has read, 0 for any. The current one is 0 for a customer that does not exist.
 * @throws Refusal VERSION_MISMATCH
 */
export function checkVersion(customerId: string, current: bigint, expected: bigint): void {
  if (expected === 0n || expected === current) return;
  const state = current === 0n ? 'does not exist' : `is at version ${current}, not ${expected}`;
  throw new Refusal(
    'VERSION_MISMATCH',
    `customer ${customerId} ${state}: read it again, apply the change, repeat`,
    { customer_id: customerId, current_version: `${current}`, given_version: `${expected}` },
  );
}
