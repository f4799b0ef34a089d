import { fromBinary } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { toMinorUnits } from '@orderflow/contracts';
import {
  PaymentFailed_Reason,
  PaymentFailedSchema,
  PaymentProcessedSchema,
  PaymentRefundedSchema,
} from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import {
  Payment_FailReason as FailReason,
  PaymentAttempt_Outcome as Outcome,
  Payment_State as State,
} from '@orderflow/contracts/orderflow/payment/v1/payment';
import { Fault_Kind } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { errorReason } from '@orderflow/rpc';
import { eventually, uniqueName } from '@orderflow/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { paymentOf, runPayment, type Surroundings, startSurroundings } from './running-payment.ts';

let gateway: Surroundings['gateway'];
let payment: Awaited<ReturnType<typeof runPayment>>;
let topics: Surroundings['topics'];

beforeAll(async () => {
  const surroundings = await startSurroundings();
  ({ gateway, topics } = surroundings);
  payment = await runPayment({
    ...surroundings.paymentEnv,
    GATEWAY_TRY_TIMEOUT: '500ms',
    PAYMENT_RETRY_DELAYS: '50ms,50ms,50ms',
    PAYMENT_SETTLE_INTERVAL: '200ms',
    PAYMENT_REFUSED_INTERVAL: '500ms',
  });
});
afterAll(async () => {
  await payment?.stop();
  await topics?.close();
  await gateway?.kill();
});
afterEach(() => gateway.faults.clearFaults({}));

const newOrder = () => uniqueName('o');
const attemptsOf = async (order: string) =>
  (await paymentOf(payment, order)).attempts.map(({ key, outcome }) => `${key} ${outcome}`);

/** Has calls for an order go wrong: `Charge`, `VoidCharge` or `RefundCharge`. */
const fault = (
  method: string,
  ids: string[],
  what: Partial<{ kind: Fault_Kind; afterEffect: boolean; errorRate: number; errorCode: number }>,
) => gateway.faults.setFault({ fault: { method, ids, ...what } });

/** The gateway says no for good, and moves nothing. */
const refusal = { errorRate: 1, errorCode: Code.FailedPrecondition };
const reasonOf = (call: Promise<unknown>) =>
  call.then(() => expect.unreachable('the call should have failed'), errorReason);
const as = (caller: string) => ({ headers: { 'x-caller-id': caller } });

const lostReply = { kind: Fault_Kind.REFUSE, afterEffect: true };

test('reserved stock is paid for, once, also when it is told twice', async () => {
  const order = newOrder();
  await topics.reserved(order);
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentProcessed');
  const { attempts, ...charged } = await paymentOf(payment, order);
  expect(charged).toMatchObject({ paymentId: `pay-${order}`, customerId: 'c-1', state: State.PROCESSED });
  expect(new Set(attempts.map(({ key }) => key))).toEqual(new Set([`${order}:1`]));
  const [answer] = topics.answers(order);
  expect(answer?.headers).toMatchObject({
    ce_id: `${order}/PaymentProcessed`,
    ce_source: '/orderflow/payment',
  });
  const event = fromBinary(PaymentProcessedSchema, answer?.value ?? new Uint8Array());
  expect(event).toMatchObject({ orderId: order, transactionId: charged.transactionId });
  expect(event.amount && toMinorUnits(event.amount)).toBe(12_99n);
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`]);
  expect(topics.told(order)).toEqual(['PaymentProcessed']);
});

test('a charge whose reply is lost is made once', async () => {
  const order = newOrder();
  await fault('Charge', [order], lostReply);
  await topics.reserved(order);
  await eventually(async () => (await gateway.ledger(order)).length === 1);
  await gateway.faults.clearFaults({});
  await topics.untilTold(order, 'PaymentProcessed');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`]);
  const keys = (await paymentOf(payment, order)).attempts.map(({ key }) => key);
  expect(keys.length).toBeGreaterThan(1);
  expect(new Set(keys)).toEqual(new Set([`${order}:1`]));
});

test('a charge carried out twice by what is in between is made once', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.TWICE });
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentProcessed');
  expect(await gateway.ledger(order)).toHaveLength(1);
});

test.each([
  ['replies are lost', lostReply, ['CHARGE', 'VOID']],
  [
    'errors come after the charge',
    { errorRate: 1, errorCode: Code.Internal, afterEffect: true },
    ['CHARGE', 'VOID'],
  ],
  ['calls hang', { kind: Fault_Kind.HANG }, []],
])('what stays unknown because %s is voided, and has failed', async (_, what, moved) => {
  const order = newOrder();
  await fault('Charge', [order], what);
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentFailed');
  const event = fromBinary(PaymentFailedSchema, topics.answers(order)[0]?.value ?? new Uint8Array());
  expect(event.reason).toBe(PaymentFailed_Reason.UNSETTLED);
  expect((await paymentOf(payment, order)).failReason).toBe(FailReason.UNSETTLED);
  expect((await gateway.ledger(order)).map((entry) => entry.split(' ')[0])).toEqual(moved);
  const { attempts } = await paymentOf(payment, order);
  expect(attempts.filter(({ kind }) => kind === 1)).toHaveLength(4);
});

test('a void that is not answered is repeated until it is', async () => {
  const order = newOrder();
  await fault('Charge', [order], lostReply);
  await fault('VoidCharge', [order], lostReply);
  await topics.reserved(order);
  await paymentOf(payment, order, ({ attempts }) => attempts.filter(({ kind }) => kind === 2).length >= 2);
  expect(topics.told(order)).toEqual([]);
  await gateway.faults.clearFaults({});
  await topics.untilTold(order, 'PaymentFailed');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `VOID ${order}:1`]);
});

test('a key rises only after a definite "not now"; then the order is charged once', async () => {
  const order = newOrder();
  await fault('Charge', [`${order}:1`, `${order}:2`], { kind: Fault_Kind.TEMPORARY_DECLINE });
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentProcessed');
  expect(await attemptsOf(order)).toEqual([`${order}:1 3`, `${order}:2 3`, `${order}:3 1`]);
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:3`]);
});

test('"not now" to every try is a failure, and nothing is charged', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.TEMPORARY_DECLINE });
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentFailed');
  const event = fromBinary(PaymentFailedSchema, topics.answers(order)[0]?.value ?? new Uint8Array());
  expect(event).toMatchObject({
    reason: PaymentFailed_Reason.TEMPORARILY_DECLINED,
    declineCode: 'try_again_later',
  });
  expect(await gateway.ledger(order)).toEqual([]);
});

test('a cancel while the charge hangs takes the charge back', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.HANG, afterEffect: true });
  await topics.reserved(order);
  await eventually(async () => (await gateway.ledger(order)).length === 1);
  await topics.cancel(order);
  await topics.untilTold(order, 'PaymentVoided');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `VOID ${order}:1`]);
  expect((await paymentOf(payment, order)).state).toBe(State.VOIDED);
  expect(topics.told(order)).toEqual(['PaymentVoided']);
});

test('a cancel after the charge gives it back, once, also when the reply is lost', async () => {
  const order = newOrder();
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentProcessed');
  await fault('RefundCharge', [`${order}:refund`], lostReply);
  await topics.cancel(order);
  await eventually(async () => (await gateway.ledger(order)).length === 2);
  await gateway.faults.clearFaults({});
  await topics.untilTold(order, 'PaymentRefunded');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `REFUND ${order}:1`]);
  expect(topics.told(order)).toEqual(['PaymentProcessed', 'PaymentRefunded']);
});

test('a cancel before there is anything to pay closes the payment for good', async () => {
  const order = newOrder();
  await topics.cancel(order);
  await topics.untilTold(order, 'PaymentVoided');
  await topics.reserved(order);
  const other = newOrder();
  await topics.reserved(other);
  await topics.cancel(order, { requery: '1' });
  await eventually(() => topics.told(order).length === 2);
  await topics.untilTold(other, 'PaymentProcessed');
  expect(await attemptsOf(order)).toEqual([]);
  const [first, second] = topics.answers(order);
  expect(second?.headers['ce_id']).toBe(first?.headers['ce_id']);
  expect(second?.value).toEqual(first?.value);
});

test('an order that asks again gets the same answer again; one that only repeats itself gets none', async () => {
  const order = newOrder();
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentProcessed');
  await topics.reserved(order);
  await topics.requery(order);
  await eventually(() => topics.told(order).length === 2);
  const [first, second] = topics.answers(order);
  expect(second?.value).toEqual(first?.value);
  expect(second?.headers).toMatchObject({
    ce_id: first?.headers['ce_id'],
    ce_time: first?.headers['ce_time'],
  });
});

test('a payment that failed answers the cancel that follows', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.TEMPORARY_DECLINE });
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentFailed');
  await topics.cancel(order);
  await topics.untilTold(order, 'PaymentVoided');
  expect(topics.told(order)).toEqual(['PaymentFailed', 'PaymentVoided']);
});

test('a refund is for completed orders only; asked for twice it is one', async () => {
  const order = newOrder();
  const paymentId = `pay-${order}`;
  const refund = (requestId = '') =>
    payment.payments.refundPayment({ paymentId, reason: 'broken on arrival', requestId }, as('anna'));
  expect(await reasonOf(refund())).toBe('PAYMENT_NOT_FOUND');
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentProcessed');
  expect(await reasonOf(refund('r-1'))).toBe('PAYMENT_NOT_REFUNDABLE');
  await topics.completed(order);
  const first = await eventually(() => refund('r-1'));
  expect(first.payment?.state).toBe(State.REFUNDING);
  await topics.untilTold(order, 'PaymentRefunded');
  expect(await refund('r-1')).toEqual(first);
  expect((await refund()).payment?.state).toBe(State.REFUNDED);
  const answer = topics.answers(order).at(-1)?.value ?? new Uint8Array();
  expect(fromBinary(PaymentRefundedSchema, answer)).toMatchObject({
    reason: 'broken on arrival',
    callerId: 'anna',
    settledByHand: false,
  });
  expect((await paymentOf(payment, order)).refundRequest).toMatchObject({
    reason: 'broken on arrival',
    callerId: 'anna',
  });
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `REFUND ${order}:1`]);
});

test('a charge that somebody gave back at the gateway itself is given back: its ledger says so', async () => {
  const order = newOrder();
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentProcessed');
  await gateway.gateway.refundCharge({ key: `${order}:console`, chargeKey: `${order}:1` });
  await topics.cancel(order);
  await topics.untilTold(order, 'PaymentRefunded');
  expect(await paymentOf(payment, order)).toMatchObject({ state: State.REFUNDED, problem: '' });
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `REFUND ${order}:1`]);
});

test('a void that the gateway refuses is a problem to be seen, and ends by itself when it changes its mind', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.HANG });
  await fault('VoidCharge', [order], refusal);
  await topics.reserved(order);
  const { attempts, ...refused } = await paymentOf(payment, order, ({ problem }) => problem !== '');
  expect(refused).toMatchObject({
    state: State.SETTLING,
    problem: 'FAULT_INJECTED: a fault was set; its ledger knows no such charge',
  });
  expect(attempts.some(({ outcome }) => outcome === Outcome.REFUSED)).toBe(true);
  expect(topics.told(order)).toEqual([]);
  await gateway.faults.clearFaults({});
  await topics.untilTold(order, 'PaymentFailed');
  expect(await paymentOf(payment, order)).toMatchObject({ state: State.FAILED, problem: '' });
});

test('a refund that the gateway refuses for good is counted, and ends when somebody settles it by hand', async () => {
  const order = newOrder();
  const paymentId = `pay-${order}`;
  const settle = (requestId = '') =>
    payment.payments.settlePayment({ paymentId, reason: 'bank transfer', requestId }, as('ben'));
  expect(await reasonOf(settle())).toBe('PAYMENT_NOT_FOUND');
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentProcessed');
  await topics.completed(order);
  await fault('RefundCharge', [`${order}:refund`], refusal);
  expect(await reasonOf(settle())).toBe('PAYMENT_NOT_REFUSED');
  await eventually(() => payment.payments.refundPayment({ paymentId, reason: 'came broken' }, as('anna')));
  const refused = await paymentOf(payment, order, ({ problem }) => problem !== '');
  expect(refused.problem).toBe('FAULT_INJECTED: a fault was set; its ledger says that it stands charged');
  const metrics = await (await fetch(`${payment.url}/metrics`)).text();
  expect(metrics).toMatch(/^orderflow_payments_waiting\{.*state="refused".*\} 1$/m);

  // Not while the gateway is being asked again.
  const settled = await eventually(() => settle('s-1'));
  expect(settled.payment).toMatchObject({
    state: State.REFUNDED,
    problem: '',
    refundRequest: { reason: 'came broken', callerId: 'anna', time: expect.anything() },
    settlement: { reason: 'bank transfer', callerId: 'ben', time: expect.anything() },
  });
  expect(await settle('s-1')).toEqual(settled);
  expect((await settle()).payment?.settlement).toEqual(settled.payment?.settlement);
  await topics.untilTold(order, 'PaymentRefunded');
  const answer = topics.answers(order).at(-1)?.value ?? new Uint8Array();
  expect(fromBinary(PaymentRefundedSchema, answer)).toMatchObject({
    reason: 'bank transfer',
    callerId: 'ben',
    settledByHand: true,
  });
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`]);
  expect(topics.told(order)).toEqual(['PaymentProcessed', 'PaymentRefunded']);
});

test('what cannot be is set aside and changes nothing; what cannot be read is set aside too', async () => {
  const order = newOrder();
  await topics.completed(order);
  await topics.reserved(order);
  await topics.untilTold(order, 'PaymentProcessed');
  await topics.reserved(order, 1n);
  await topics.producer.send([
    {
      topic: 'order-events',
      key: order,
      value: Buffer.from('nonsense'),
      headers: { ce_type: 'orderflow.order.event.v1.OrderCancelRequested' },
    },
    { topic: 'order-events', key: order, value: Buffer.from('x'), headers: { ce_type: 'of.somebody.Else' } },
  ]);
  const reasons = () =>
    topics
      .letters()
      .filter(({ key }) => String(key) === order)
      .map(({ headers }) => headers['dlq_reason'])
      .sort();
  await eventually(() => reasons().length === 3);
  expect(reasons()).toEqual(['CONTRADICTORY_EVENT', 'CONTRADICTORY_EVENT', 'MALFORMED_PROTOBUF']);
  expect(await gateway.ledger(order)).toHaveLength(1);
});

test('what costs nothing is paid without a charge, and can be cancelled', async () => {
  const order = newOrder();
  await topics.reserved(order, 0n);
  await topics.untilTold(order, 'PaymentProcessed');
  await topics.cancel(order);
  await topics.untilTold(order, 'PaymentVoided');
  expect(await attemptsOf(order)).toEqual([]);
});

test('payments are listed newest first, page by page, by customer and state', async () => {
  const orders = [newOrder(), newOrder(), newOrder()];
  for (const order of orders) {
    await topics.reserved(order);
    await topics.untilTold(order, 'PaymentProcessed');
  }
  const read: string[] = [];
  let pageToken = '';
  do {
    const page = await payment.payments.listPayments({
      customerId: 'c-1',
      state: State.PROCESSED,
      pageSize: 2,
      pageToken,
    });
    read.push(...page.payments.map(({ orderId }) => orderId));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  expect(read.slice(0, 3)).toEqual(orders.toReversed());
  expect(new Set(read).size).toBe(read.length);
  expect((await payment.payments.listPayments({ customerId: 'c-none' })).payments).toEqual([]);
});
