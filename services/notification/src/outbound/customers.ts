import { type Client, Code, ConnectError } from '@connectrpc/connect';
import type { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { rpcError } from '@orderflow/rpc';
import type { Customers } from '../ports.ts';

/** The service has not responded. */
const outages: ReadonlySet<Code> = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.Canceled]);

/** Creates the customer service client. Every error, and an incomplete response, becomes DEPENDENCY_UNAVAILABLE. */
export function createCustomers(client: Client<typeof CustomerService>): Customers {
  const responses = new WeakSet<object>();
  const unavailable = (what: string, isResponse: boolean) => {
    const error = rpcError('DEPENDENCY_UNAVAILABLE', `the customer service is unavailable: ${what}`);
    if (isResponse) responses.add(error);
    return error;
  };
  return {
    async find(customerIds) {
      const { customers, notFoundCustomerIds } = await client
        .batchGetCustomers({ customerIds: [...customerIds] })
        .catch((error) => {
          const { message, code } = ConnectError.from(error);
          throw unavailable(message, !outages.has(code));
        });
      const found = new Map(customers.map(({ customerId, name, email }) => [customerId, { name, email }]));
      const missing = new Set(notFoundCustomerIds);
      // A mail is skipped for good only where the service says clearly that there is no such customer.
      const isUnclear = customerIds.some((id) => found.has(id) === missing.has(id));
      if (isUnclear)
        throw unavailable('a customer is both found and not found in its response, or neither', true);
      return found;
    },
    isResponse: (error) => typeof error === 'object' && error !== null && responses.has(error),
  };
}
