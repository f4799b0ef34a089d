import type { Terms } from '../src/domain/input.ts';
import type { Payable, PaymentRecord } from '../src/domain/payable.ts';
import {
  cancelledOrder,
  completedOrder,
  openOrder,
  type PendingPayment,
  withoutCalls,
} from '../src/domain/payment.ts';

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

const payable: Payable = { customerId: 'c-1', amount: 12_99n, currency: 'USD', lines: 'one p-1' };
/** The two events that a charge needs. */
export const toPay = (change: Partial<Payable> = {}) =>
  [
    { kind: 'accepted', payable: { ...payable, ...change } },
    { kind: 'reserved', payable: { ...payable, ...change }, record: 'as it was read' },
  ] as const;
export const [accepted, reserved] = toPay();

const created: PendingPayment = {
  ...withoutCalls('o-1'),
  ...openOrder,
  state: 'PENDING',
  customerId: 'c-1',
  amount: 12_99n,
  currency: 'USD',
  nextAttemptTime: now,
};
const tried: PendingPayment = {
  ...created,
  tries: 1,
  unknown: 1,
  attempts: 1,
  nextAttemptTime: later(6_000),
};
const free = {
  ...created,
  state: 'PROCESSED',
  amount: 0n,
  nextAttemptTime: undefined,
  answerTime: now,
} as const;
const processed = { ...free, amount: 12_99n, tries: 1, attempts: 1, transactionId: 'ch-1' } as const;
const failed = {
  ...processed,
  state: 'FAILED',
  transactionId: undefined,
  failReason: 'DECLINED',
  declineCode: 'insufficient_funds',
} as const;

/** Due again: a refund, or a void. */
const refunding = { ...processed, state: 'REFUNDING', nextAttemptTime: now } as const;
const settling = { ...tried, state: 'SETTLING', nextAttemptTime: now } as const;
const refund = { reason: 'broken', callerId: 'me', time: now };

/** The gateway has refused the last call. */
const refused = {
  attempts: 2,
  refusedCall: 2,
  problem: 'CHARGE_NOT_REFUNDABLE',
  nextAttemptTime: later(600_000),
};
const settlement = { reason: 'bank transfer', callerId: 'me', time: now };

const waiting = { orderId: 'o-1', state: 'WAITING', payable } as const;

/** One payment of every kind that the rules distinguish. */
export const states = {
  'no payment': undefined,
  'accepted, not reserved': { ...waiting, heard: 'OrderAccepted', record: undefined },
  'accepted, after another reservation': { ...waiting, heard: 'OrderAccepted', record: 'another' },
  'reserved, not accepted': { ...waiting, heard: 'InventoryReserved', record: 'as it was read' },
  'not yet tried': created,
  'tried, outcome unknown': tried,
  'declined for now': { ...created, keyNumber: 2, tries: 1, attempts: 1, nextAttemptTime: later(1_000) },
  processed,
  completed: { ...processed, ...completedOrder },
  'costs nothing': free,
  failed,
  'failed, cancelled': { ...failed, ...cancelledOrder },
  settling,
  'settling, cancelled': { ...settling, ...cancelledOrder },
  'refunding, cancelled': { ...refunding, ...cancelledOrder },
  'refunding, completed': { ...refunding, ...completedOrder, refund },
  'settling, refused': { ...settling, ...refused },
  'refunding, refused': { ...refunding, ...completedOrder, ...refused, refund },
  'refunding, refused, being asked again': {
    ...refunding,
    ...completedOrder,
    ...refused,
    refund,
    attempts: 3,
  },
  voided: { ...created, ...cancelledOrder, state: 'VOIDED', nextAttemptTime: undefined, answerTime: now },
  'closed before any event': {
    ...withoutCalls('o-1'),
    ...cancelledOrder,
    state: 'VOIDED',
    answerTime: now,
  },
  'refunded, cancelled': { ...processed, ...cancelledOrder, state: 'REFUNDED' },
  'refunded, completed': { ...processed, ...completedOrder, state: 'REFUNDED', refund },
  'refunded by hand': {
    ...processed,
    ...completedOrder,
    state: 'REFUNDED',
    refund,
    settlement,
    attempts: 2,
    refusedCall: 2,
  },
  'failed by hand': { ...failed, settlement, failReason: 'UNSETTLED', attempts: 2, refusedCall: 2 },
} as const satisfies Record<string, PaymentRecord | undefined>;
