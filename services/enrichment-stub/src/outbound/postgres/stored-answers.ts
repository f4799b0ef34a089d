import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Customer } from '../../domain/customer.ts';
import type { CustomerTransaction, RepeatableRequest } from '../../ports.ts';
import type { StoredCustomer } from './entities.ts';
import { tablesOf } from './tables.ts';

const keptMs = 30 * 86_400_000;

/** Deletes the answers that no caller can still expect to get. */
export async function forgetOldAnswers(em: SqlEntityManager, now: Date): Promise<void> {
  const oldest = new Date(now.getTime() - keptMs);
  await tablesOf(em).deleteFrom('idempotency').where('createTime', '<', oldest).execute();
}

/** Answers kept in table `idempotency` with the transaction of `em`. */
export function storedAnswers(
  em: SqlEntityManager,
  now: () => Date,
): Pick<CustomerTransaction, 'claimAnswer' | 'storeAnswer'> {
  const tables = tablesOf(em);
  return {
    async claimAnswer(request) {
      const { callerId, method, requestId, contentHash } = request;
      // Waits for the end of another transaction that has claimed the same.
      const claim = await tables
        .insertInto('idempotency')
        .values({ callerId, method, requestId, contentHash: Buffer.from(contentHash), createTime: now() })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (claim.numInsertedOrUpdatedRows === 1n) return undefined;
      const stored = await tables
        .selectFrom('idempotency')
        .select(['contentHash', 'answer'])
        .where(({ and }) => and(keyOf(request)))
        .executeTakeFirstOrThrow();
      if (stored.answer === null) throw new Error(`request ${requestId} was committed without an answer`);
      return { contentHash: stored.contentHash, customer: fromStored(stored.answer) };
    },

    async storeAnswer(request, customer) {
      await tables
        .updateTable('idempotency')
        .set({ answer: toStored(customer) })
        .where(({ and }) => and(keyOf(request)))
        .execute();
    },
  };
}

function keyOf({ callerId, method, requestId }: RepeatableRequest) {
  return { callerId, method, requestId };
}

function toStored(customer: Customer): StoredCustomer {
  return {
    ...customer,
    version: customer.version.toString(),
    createTime: customer.createTime.toISOString(),
    updateTime: customer.updateTime.toISOString(),
  };
}

function fromStored(stored: StoredCustomer): Customer {
  return {
    ...stored,
    version: BigInt(stored.version),
    createTime: new Date(stored.createTime),
    updateTime: new Date(stored.updateTime),
  };
}
