import type { Customer } from '../src/domain/customer.ts';
import type { CustomerReader, InCustomerTransaction, RepeatableRequest, StoredAnswer } from '../src/ports.ts';

/** Customers, events and answers in memory, with the promises of the ports: transactions one after the other. */
export function inMemoryCustomers(initial: readonly Customer[] = []) {
  let customers = new Map(initial.map((customer) => [customer.customerId, customer]));
  let told: Customer[] = [];
  let answers = new Map<string, StoredAnswer>();
  let queue: Promise<unknown> = Promise.resolve();

  const reader: CustomerReader = {
    find: async (ids) => ids.flatMap((id) => customers.get(id) ?? []),
    async page(afterId = '', limit) {
      const ids = [...customers.keys()].filter((id) => id > afterId).sort();
      return ids.slice(0, limit).flatMap((id) => customers.get(id) ?? []);
    },
  };

  const inTransaction: InCustomerTransaction = (work) => {
    const result = queue.then(async () => {
      const before = { customers: new Map(customers), told: [...told], answers: new Map(answers) };
      try {
        return await work({
          findForUpdate: async (id) => customers.get(id),
          async insert(customer) {
            if (customers.has(customer.customerId)) return false;
            customers.set(customer.customerId, customer);
            return true;
          },
          update: async (customer) => void customers.set(customer.customerId, customer),
          tellUpdated: async (customer) => void told.push(customer),
          claimAnswer: async (request) => answers.get(keyOf(request)),
          async storeAnswer(request, customer) {
            answers.set(keyOf(request), { contentHash: request.contentHash, customer });
          },
        });
      } catch (error) {
        ({ customers, told, answers } = before);
        throw error;
      }
    });
    queue = result.catch(() => {});
    return result;
  };

  return { reader, inTransaction, told: () => told };
}

function keyOf({ callerId, method, requestId }: RepeatableRequest): string {
  return JSON.stringify([callerId, method, requestId]);
}
