import type { Terms } from '../src/domain/input.ts';
import { newPayment, type Payment } from '../src/domain/payment.ts';

/** The usual terms. */
export const terms: Terms = {
  retryDelaysMs: [1_000, 2_000, 4_000],
  settleIntervalMs: 30_000,
  refusedIntervalMs: 600_000,
  callTimeoutMs: 5_000,
};

export const now = new Date('2026-11-24T12:00:00.000Z');

/** A moment so many milliseconds after `now`. */
export const later = (ms: number) => new Date(now.getTime() + ms);

export const reserved = { kind: 'reserved', customerId: 'c-1', amount: 12_99n, currency: 'USD' } as const;

const created: Payment = {
  ...newPayment('o-1'),
  customerId: 'c-1',
  amount: 12_99n,
  currency: 'USD',
  nextAttemptTime: now,
};
const tried = { ...created, tries: 1, unknown: 1, attempts: 1, nextAttemptTime: later(6_000) };
const processed: Payment = {
  ...created,
  state: 'PROCESSED',
  tries: 1,
  attempts: 1,
  transactionId: 'ch-1',
  nextAttemptTime: undefined,
  answerTime: now,
};
const failed: Payment = {
  ...processed,
  state: 'FAILED',
  transactionId: '',
  failReason: 'DECLINED',
  declineCode: 'insufficient_funds',
};

/** The gateway has refused the last call. */
const refused = {
  attempts: 2,
  refusedCall: 2,
  problem: 'CHARGE_NOT_REFUNDABLE',
  nextAttemptTime: later(600_000),
};
const settled = { settleReason: 'bank transfer', settleCallerId: 'me', settleTime: now };

/** One payment of every kind that the rules tell apart. */
export const states = {
  'not heard of': undefined,
  'not yet tried': created,
  'tried, outcome unknown': tried,
  'declined for now': { ...created, keyNumber: 2, tries: 1, attempts: 1, nextAttemptTime: later(1_000) },
  processed,
  completed: { ...processed, completed: true },
  'costs nothing': { ...processed, amount: 0n, tries: 0, attempts: 0, transactionId: '' },
  failed,
  'failed, cancelled': { ...failed, cancelRequested: true },
  settling: { ...tried, state: 'SETTLING', nextAttemptTime: now },
  'settling, cancelled': { ...tried, state: 'SETTLING', cancelRequested: true, nextAttemptTime: now },
  'refunding, cancelled': { ...processed, state: 'REFUNDING', cancelRequested: true, nextAttemptTime: now },
  'refunding, completed': { ...processed, state: 'REFUNDING', completed: true, nextAttemptTime: now },
  'settling, refused': { ...tried, ...refused, state: 'SETTLING' },
  'refunding, refused': { ...processed, ...refused, state: 'REFUNDING', completed: true },
  'refunding, refused, being asked again': {
    ...processed,
    ...refused,
    state: 'REFUNDING',
    completed: true,
    attempts: 3,
  },
  voided: { ...created, state: 'VOIDED', cancelRequested: true, nextAttemptTime: undefined, answerTime: now },
  'closed before it was heard of': {
    ...newPayment('o-1'),
    state: 'VOIDED',
    cancelRequested: true,
    answerTime: now,
  },
  'refunded, cancelled': { ...processed, state: 'REFUNDED', cancelRequested: true },
  'refunded, completed': { ...processed, state: 'REFUNDED', completed: true },
  'refunded by hand': {
    ...processed,
    ...settled,
    state: 'REFUNDED',
    completed: true,
    attempts: 2,
    refusedCall: 2,
  },
  'failed by hand': { ...failed, ...settled, failReason: 'UNSETTLED', attempts: 2, refusedCall: 2 },
} as const satisfies Record<string, Payment | undefined>;
