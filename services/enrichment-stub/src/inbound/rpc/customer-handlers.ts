import type { ServiceImpl } from '@connectrpc/connect';
import type { Customer as WireCustomer } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import {
  CreateCustomerRequestSchema,
  type CustomerService,
  UpdateCustomerRequestSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import type { CustomerContent } from '../../domain/customer.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { CustomerReader, InCustomerTransaction } from '../../ports.ts';
import { batchGetCustomers } from '../../use-cases/batch-get-customers.ts';
import { createCustomer } from '../../use-cases/create-customer.ts';
import { getCustomer } from '../../use-cases/get-customer.ts';
import { listCustomers } from '../../use-cases/list-customers.ts';
import { updateCustomer } from '../../use-cases/update-customer.ts';
import { repeatableRequest } from './repeatable-request.ts';
import { storableText } from './storable-text.ts';
import { toWireCustomer } from './wire.ts';

/** CustomerService on its use cases. Throws their refusals as they are. */
export function customerHandlers(dependencies: {
  readonly customers: CustomerReader;
  readonly inTransaction: InCustomerTransaction;
  readonly now: () => Date;
}): ServiceImpl<typeof CustomerService> {
  const { customers } = dependencies;
  return {
    async getCustomer({ customerId }) {
      return { customer: toWireCustomer(await getCustomer(customers, customerId)) };
    },

    async batchGetCustomers({ customerIds }) {
      const { found, notFoundIds } = await batchGetCustomers(customers, customerIds);
      return { customers: found.map(toWireCustomer), notFoundCustomerIds: notFoundIds };
    },

    async listCustomers(request) {
      const { items, nextPageToken } = await listCustomers(customers, request);
      return { customers: items.map(toWireCustomer), nextPageToken };
    },

    async createCustomer(request, context) {
      const { customerId, content } = given(request.customer);
      const repeatable = repeatableRequest(CreateCustomerRequestSchema, request, context);
      return {
        customer: toWireCustomer(await createCustomer(dependencies, customerId, content, repeatable)),
      };
    },

    async updateCustomer(request, context) {
      const { customerId, content, version } = given(request.customer);
      const update = { customerId, content, expectedVersion: version };
      const repeatable = repeatableRequest(UpdateCustomerRequestSchema, request, context);
      return { customer: toWireCustomer(await updateCustomer(dependencies, update, repeatable)) };
    },
  };
}

function given(customer: WireCustomer | undefined): {
  customerId: string;
  content: CustomerContent;
  version: bigint;
} {
  if (customer === undefined) throw new Refusal('INVALID_REQUEST', 'customer is missing');
  const { customerId, email, active, version } = customer;
  return {
    customerId,
    content: { name: storableText('customer.name', customer.name), email, active },
    version,
  };
}
