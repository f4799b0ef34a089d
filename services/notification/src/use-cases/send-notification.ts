import { isAddress } from '../domain/address.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Customers, MessageTransaction, StoredMail } from '../ports.ts';
import { getNotification } from './get-notification.ts';

/** A message by hand. */
export interface Message {
  readonly customerId: string;
  readonly subject: string;
  readonly message: string;
}

/**
 * Checks, now, that a customer can be mailed.
 * @throws Refusal CUSTOMER_NOT_FOUND, CUSTOMER_WITHOUT_ADDRESS; what the port throws when it is unavailable
 */
export async function checkRecipient(customers: Customers, customerId: string): Promise<void> {
  const customer = (await customers.find([customerId])).get(customerId);
  const metadata = { customer_id: customerId };
  if (customer === undefined) {
    throw new Refusal('CUSTOMER_NOT_FOUND', `customer ${customerId} does not exist`, metadata);
  }
  if (!isAddress(customer.email)) {
    throw new Refusal(
      'CUSTOMER_WITHOUT_ADDRESS',
      `customer ${customerId} has no address to which mail can be sent`,
      metadata,
    );
  }
}

/** Stores a message by hand, which is mailed after the commit; returns it. `id`: a new one. */
export async function sendNotification(
  {
    transaction,
    now,
    id,
  }: { readonly transaction: MessageTransaction; readonly now: Date; readonly id: string },
  { customerId, subject, message }: Message,
): Promise<StoredMail> {
  const draft = { kind: 'MESSAGE', subject, message } as const;
  await transaction.insert([{ id, customerId, draft, eventTime: now, skipReason: undefined }], now);
  return getNotification(transaction, id);
}
