import { type Customer, type CustomerContent, newCustomer } from '../domain/customer.ts';
import { Refusal } from '../domain/refusal.ts';
import type { InCustomerTransaction, RepeatableRequest } from '../ports.ts';
import { answerOnce } from './answer-once.ts';

interface Dependencies {
  readonly inTransaction: InCustomerTransaction;
  readonly now: () => Date;
}

/**
 * Stores a new customer and tells it. `request` makes the call repeatable.
 * @throws Refusal CUSTOMER_ALREADY_EXISTS, REQUEST_ID_REUSED
 */
export async function createCustomer(
  { inTransaction, now }: Dependencies,
  customerId: string,
  content: CustomerContent,
  request: RepeatableRequest | undefined,
): Promise<Customer> {
  return inTransaction((transaction) =>
    answerOnce(transaction, request, async () => {
      const customer = newCustomer(customerId, content, now());
      if (!(await transaction.insert(customer))) {
        throw new Refusal('CUSTOMER_ALREADY_EXISTS', `there is a customer ${customerId} already`, {
          customer_id: customerId,
        });
      }
      await transaction.tellUpdated(customer);
      return customer;
    }),
  );
}
