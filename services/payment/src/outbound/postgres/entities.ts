import { defineEntity, p } from '@mikro-orm/postgresql';

/** Ids sort by their bytes on every server, not by the rules of a language. */
const idCollation = 'C';

type State = 'PENDING' | 'PROCESSED' | 'FAILED' | 'SETTLING' | 'REFUNDING' | 'VOIDED' | 'REFUNDED';
type OutcomeKind =
  | 'approved'
  | 'declined'
  | 'temporarily_declined'
  | 'voided'
  | 'refunded'
  | 'refused'
  | 'unknown'
  | 'unreachable';

/** Table `payment`: the payment of an order; its fields are those of the domain. */
export const PaymentRow = defineEntity({
  name: 'Payment',
  tableName: 'payment',
  properties: {
    orderId: p.text().primary().collation(idCollation),
    customerId: p.text(),
    amount: p.bigint(),
    currency: p.text(),
    state: p.text().$type<State>(),
    cancelRequested: p.boolean(),
    completed: p.boolean(),
    keyNumber: p.integer(),
    tries: p.integer(),
    unknown: p.integer(),
    attempts: p.integer(),
    transactionId: p.text(),
    failReason: p.text().$type<'DECLINED' | 'TEMPORARILY_DECLINED' | 'UNSETTLED'>().nullable(),
    declineCode: p.text(),
    refundReason: p.text(),
    refundCallerId: p.text().default(''),
    refundTime: p.datetime(3).nullable(),
    problem: p.text().default(''),
    refusedCall: p.integer().default(0),
    settleReason: p.text().default(''),
    settleCallerId: p.text().default(''),
    settleTime: p.datetime(3).nullable(),
    nextAttemptTime: p.datetime(3).nullable(),
    answerTime: p.datetime(3).nullable(),
    /** The trace of its replies. */
    traceparent: p.text().nullable(),
    createTime: p.datetime(3),
    updateTime: p.datetime(3),
  },
  checks: [
    { name: 'payment_amount_check', expression: 'amount >= 0' },
    { name: 'payment_tries_check', expression: 'tries >= 0' },
    { name: 'payment_unknown_check', expression: 'unknown >= 0' },
  ],
  indexes: [
    { name: 'payment_due', properties: ['nextAttemptTime'], where: 'next_attempt_time is not null' },
    { name: 'payment_customer', properties: ['customerId', 'createTime', 'orderId'] },
    { name: 'payment_state', properties: ['state', 'createTime', 'orderId'] },
    { name: 'payment_create_time', properties: ['createTime', 'orderId'] },
    { name: 'payment_open', properties: ['createTime'], where: 'not completed and not cancel_requested' },
  ],
});

/**
 * Table `payment_attempt`: one call to the gateway, stored before it is made. Of unsent calls only the last is kept.
 */
export const PaymentAttemptRow = defineEntity({
  name: 'PaymentAttempt',
  tableName: 'payment_attempt',
  properties: {
    orderId: p.text().primary().collation(idCollation),
    number: p.integer().primary(),
    kind: p.text().$type<'CHARGE' | 'VOID' | 'REFUND'>(),
    key: p.text(),
    outcome: p.text().$type<OutcomeKind>().nullable(),
    detail: p.text(),
    createTime: p.datetime(3),
    endTime: p.datetime(3).nullable(),
  },
});

/** Table `waiting_charge`: the first of the two events that a charge needs. Deleted after 30 days. */
export const WaitingChargeRow = defineEntity({
  name: 'WaitingCharge',
  tableName: 'waiting_charge',
  properties: {
    orderId: p.text().primary().collation(idCollation),
    heard: p.text().$type<'OrderAccepted' | 'InventoryReserved'>(),
    customerId: p.text(),
    amount: p.bigint(),
    currency: p.text(),
    /** A hash of products and quantities. */
    lines: p.text(),
    /** The record of an InventoryReserved: the one that waits, or one that OrderAccepted has refused. */
    record: p.blob().nullable(),
    createTime: p.datetime(3),
  },
  indexes: [{ name: 'waiting_charge_create_time', properties: ['createTime'] }],
});
