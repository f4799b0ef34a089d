import type { ServiceImpl } from '@connectrpc/connect';
import type { Customer as WireCustomer } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import {
  CreateCustomerRequestSchema,
  CreateCustomerResponseSchema,
  type CustomerService,
  PutCustomerRequestSchema,
  PutCustomerResponseSchema,
  UpdateCustomerRequestSchema,
  UpdateCustomerResponseSchema,
  type CustomerContent as WireContent,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import {
  invalidRequest,
  pageRequest,
  pageTokens,
  repeatableRequest,
  respondIdempotently,
  storableText,
  textKey,
} from '@orderflow/rpc';
import { type InTransaction, readPage } from '@orderflow/runtime';
import type { Customer } from '../../domain/customer.ts';
import type { CustomerReader, CustomerTransaction, OrderCountReader } from '../../ports.ts';
import { batchGetCustomers } from '../../use-cases/batch-get-customers.ts';
import { createCustomer } from '../../use-cases/create-customer.ts';
import { getCustomer } from '../../use-cases/get-customer.ts';
import { putCustomer } from '../../use-cases/put-customer.ts';
import { updateCustomer } from '../../use-cases/update-customer.ts';
import { toWireCustomer } from './wire.ts';

const tokens = pageTokens<[string]>('customers', textKey);

/** Implements CustomerService. Throws refusals unchanged. */
export function customerHandlers({
  customers,
  orderCounts,
  inTransaction,
  now,
}: {
  readonly customers: CustomerReader;
  readonly orderCounts: OrderCountReader;
  readonly inTransaction: InTransaction<CustomerTransaction>;
  readonly now: () => Date;
}): ServiceImpl<typeof CustomerService> {
  async function counted(found: readonly Customer[]): Promise<WireCustomer[]> {
    const counts = await orderCounts.find(found.map(({ customerId }) => customerId));
    return found.map((customer) => toWireCustomer(customer, counts.get(customer.customerId) ?? 0n));
  }

  return {
    async getCustomer({ customerId }) {
      const customer = await getCustomer(customers, customerId);
      return { customer: (await counted([customer]))[0] };
    },

    async batchGetCustomers({ customerIds }) {
      const { found, notFoundIds } = await batchGetCustomers(customers, customerIds);
      return { customers: found.map((one) => toWireCustomer(one)), notFoundCustomerIds: notFoundIds };
    },

    async listCustomers(request) {
      const { after: [afterId] = [], size } = pageRequest(tokens, request);
      const { items, last } = await readPage(size, (limit) => customers.page(afterId, limit));
      return {
        customers: await counted(items),
        nextPageToken: tokens.encode(last && [last.customerId]),
      };
    },

    async createCustomer(request, context) {
      const { customerId, content } = given(request.customer);
      const repeatable = repeatableRequest(CreateCustomerRequestSchema, request, context);
      return inTransaction((transaction, runIdempotent) =>
        respondIdempotently(CreateCustomerResponseSchema, repeatable, runIdempotent, async () => ({
          customer: toWireCustomer(await createCustomer({ transaction, now }, customerId, content)),
        })),
      );
    },

    async updateCustomer(request, context) {
      const { customerId, content, version } = given(request.customer);
      const update = { customerId, content, expectedVersion: version };
      const repeatable = repeatableRequest(UpdateCustomerRequestSchema, request, context);
      return inTransaction((transaction, runIdempotent) =>
        respondIdempotently(UpdateCustomerResponseSchema, repeatable, runIdempotent, async () => ({
          customer: toWireCustomer(await updateCustomer({ transaction, now }, update)),
        })),
      );
    },

    async putCustomer(request, context) {
      const { customerId, content, version } = given(request.customer);
      const put = { customerId, content, expectedVersion: version };
      const repeatable = repeatableRequest(PutCustomerRequestSchema, request, context);
      return inTransaction((transaction, runIdempotent) =>
        respondIdempotently(PutCustomerResponseSchema, repeatable, runIdempotent, async () => ({
          customer: toWireCustomer(await putCustomer({ transaction, now }, put)),
        })),
      );
    },
  };
}

/** Reads the customer of a request, `active` as its message has it. */
function given<Sent extends WireCustomer | WireContent>(customer: Sent | undefined) {
  if (customer === undefined) {
    throw invalidRequest([{ field: 'customer', description: 'is missing', reason: 'required' }]);
  }
  const { customerId, email, version } = customer;
  const name = storableText('customer.name', customer.name);
  const address = storableText('customer.address', customer.address);
  const active: Sent['active'] = customer.active;
  return { customerId, content: { name, email, address, active }, version };
}
