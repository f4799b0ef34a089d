import type { Limits, SagaOrder } from '../src/domain/transition.ts';

const minute = 60_000;

/** The defaults of the settings. */
export const limits: Limits = { decisionMs: 15 * minute, orderMs: 30 * minute, settleMs: 10 * minute };

/** Order o-1 of customer c-1, just accepted, for 107.99. */
export function sagaOrder(change: Partial<SagaOrder> = {}): SagaOrder {
  return {
    orderId: 'o-1',
    customerId: 'c-1',
    sagaState: 'ACCEPTED',
    version: 1,
    revision: 1,
    needsAttention: undefined,
    total: 10_799n,
    currency: 'USD',
    cancelReason: undefined,
    cancelDetail: undefined,
    transactionId: undefined,
    requeried: false,
    createTime: new Date('2026-11-22T12:00:00.000Z'),
    ...change,
  };
}
