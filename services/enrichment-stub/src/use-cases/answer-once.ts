import type { Customer } from '../domain/customer.ts';
import { Refusal } from '../domain/refusal.ts';
import type { CustomerTransaction, RepeatableRequest } from '../ports.ts';

/**
 * Does the work unless this request was answered before; then gives that answer again, before any other check.
 * Only answers are kept: a refused request has changed nothing and is judged anew when it is repeated.
 * @throws Refusal REQUEST_ID_REUSED when the request id came with other content before.
 */
export async function answerOnce(
  transaction: CustomerTransaction,
  request: RepeatableRequest | undefined,
  work: () => Promise<Customer>,
): Promise<Customer> {
  if (request === undefined) return work();
  const stored = await transaction.claimAnswer(request);
  if (stored !== undefined) {
    if (!Buffer.from(request.contentHash).equals(stored.contentHash)) {
      throw new Refusal(
        'REQUEST_ID_REUSED',
        `request_id ${request.requestId} was used for another ${request.method}: choose a new one for every new request`,
        { request_id: request.requestId },
      );
    }
    return stored.customer;
  }
  const customer = await work();
  await transaction.storeAnswer(request, customer);
  return customer;
}
