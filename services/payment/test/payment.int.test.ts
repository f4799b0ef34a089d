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
import { errorReason, pageTokens, textKey } from '@orderflow/rpc';
import { eventually, uniqueName } from '@orderflow/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fakeOrders } from './fake-orders.ts';
import { paymentOf, runPayment, type Surroundings, startSurroundings } from './running-payment.ts';

let gateway: Surroundings['gateway'];
let payment: Awaited<ReturnType<typeof runPayment>>;
let topics: Surroundings['topics'];
let orders: Awaited<ReturnType<typeof fakeOrders>>;

beforeAll(async () => {
  const surroundings = await startSurroundings();
  ({ gateway, topics } = surroundings);
  orders = await fakeOrders();
  payment = await runPayment({
    ...surroundings.paymentEnv,
    ORDER_API_URL: orders.url,
    GATEWAY_TRY_TIMEOUT: '500ms',
    PAYMENT_RETRY_DELAYS: '50ms,50ms,50ms',
    PAYMENT_SETTLE_INTERVAL: '200ms',
    PAYMENT_REFUSED_INTERVAL: '500ms',
  });
});
afterAll(async () => {
  await payment?.stop();
  await orders?.stop();
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

/** The gateway permanently refuses, and moves no money. */
const refusal = { errorRate: 1, errorCode: Code.FailedPrecondition };
const reasonOf = (call: Promise<unknown>) =>
  call.then(() => expect.unreachable('the call should have failed'), errorReason);
const as = (caller: string) => ({ headers: { 'x-caller-id': caller } });

const lostReply = { kind: Fault_Kind.REFUSE, afterEffect: true };

test('reserved stock is paid for, once, also when it is published twice', async () => {
  const order = newOrder();
  await topics.toBePaid(order);
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
  const { attempts, ...charged } = await paymentOf(payment, order);
  expect(charged).toMatchObject({ paymentId: `pay-${order}`, customerId: 'c-1', state: State.PROCESSED });
  expect(new Set(attempts.map(({ key }) => key))).toEqual(new Set([`${order}:1`]));
  const [reply] = topics.replies(order);
  expect(reply?.headers).toMatchObject({
    ce_id: `${order}/PaymentProcessed`,
    ce_source: '/orderflow/payment',
  });
  const event = fromBinary(PaymentProcessedSchema, reply?.value ?? new Uint8Array());
  expect(event).toMatchObject({ orderId: order, transactionId: charged.transactionId });
  expect(event.amount && toMinorUnits(event.amount)).toBe(12_99n);
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`]);
  expect(topics.published(order)).toEqual(['PaymentProcessed']);
});

/** Once this has been paid, whatever was sent before it has been read. */
async function untilAllIsRead(): Promise<void> {
  for (let index = 0; index < 6; index++) {
    const order = newOrder();
    await topics.toBePaid(order, 0n);
    await topics.untilPublished(order, 'PaymentProcessed');
  }
}

const reasonsOf = (order: string) =>
  topics
    .letters()
    .filter(({ key }) => String(key) === order)
    .map(({ headers }) => headers['dlq_reason'])
    .sort();

test('a reservation without an accepted order charges nothing; it waits for OrderAccepted', async () => {
  const order = newOrder();
  await topics.reserved(order);
  await untilAllIsRead();
  expect(await reasonOf(payment.payments.getPaymentByOrder({ orderId: order }))).toBe('PAYMENT_NOT_FOUND');
  // As the order service sends it when the order asks again: the version before has read it and kept nothing of it.
  await topics.accepted(order, 12_99n, { requery: 'RequeryDeadline' });
  await topics.untilPublished(order, 'PaymentProcessed');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`]);
});

test('an accepted order that is cancelled before stock is held, and one cancelled before it is accepted, are not charged', async () => {
  const [late, early] = [newOrder(), newOrder()];
  await topics.accepted(late);
  await topics.cancel(late);
  await topics.reserved(early);
  await topics.cancel(early);
  await topics.untilPublished(late, 'PaymentVoided');
  await topics.untilPublished(early, 'PaymentVoided');
  await topics.reserved(late);
  await topics.accepted(early);
  await untilAllIsRead();
  for (const order of [late, early]) {
    expect((await paymentOf(payment, order)).state).toBe(State.VOIDED);
    expect(await gateway.ledger(order)).toEqual([]);
  }
});

test.each([
  ['amount', 1n, 1n],
  ['lines', 12_99n, 2n],
])(
  'a reservation with other %s is dead-lettered and charges nothing, whichever comes first',
  async (_, amount, quantity) => {
    const [after, before] = [newOrder(), newOrder()];
    await topics.accepted(after);
    await topics.reserved(before, amount, quantity);
    await untilAllIsRead();
    await topics.reserved(after, amount, quantity);
    await topics.accepted(before);
    await eventually(() => [after, before].every((order) => reasonsOf(order).length > 0), {
      timeoutMs: 25_000,
    });
    for (const order of [after, before]) {
      expect(new Set(reasonsOf(order))).toEqual(new Set(['CONTRADICTORY_EVENT']));
      expect(await gateway.ledger(order)).toEqual([]);
      await topics.reserved(order);
      await topics.untilPublished(order, 'PaymentProcessed');
      const { amount: charged } = await paymentOf(payment, order);
      expect(charged && toMinorUnits(charged)).toBe(12_99n);
    }
  },
);

test('a charge whose reply is lost is made once', async () => {
  const order = newOrder();
  await fault('Charge', [order], lostReply);
  await topics.toBePaid(order);
  await eventually(async () => (await gateway.ledger(order)).length === 1);
  await gateway.faults.clearFaults({});
  await topics.untilPublished(order, 'PaymentProcessed');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`]);
  const keys = (await paymentOf(payment, order)).attempts.map(({ key }) => key);
  expect(keys.length).toBeGreaterThan(1);
  expect(new Set(keys)).toEqual(new Set([`${order}:1`]));
});

test('a charge carried out twice by what is in between is made once', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.TWICE });
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
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
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentFailed');
  const event = fromBinary(PaymentFailedSchema, topics.replies(order)[0]?.value ?? new Uint8Array());
  expect(event.reason).toBe(PaymentFailed_Reason.UNSETTLED);
  expect((await paymentOf(payment, order)).failReason).toBe(FailReason.UNSETTLED);
  expect((await gateway.ledger(order)).map((entry) => entry.split(' ')[0])).toEqual(moved);
  const { attempts } = await paymentOf(payment, order);
  expect(attempts.filter(({ kind }) => kind === 1)).toHaveLength(4);
});

test('a void without a response is repeated until it gets one', async () => {
  const order = newOrder();
  await fault('Charge', [order], lostReply);
  await fault('VoidCharge', [order], lostReply);
  await topics.toBePaid(order);
  await paymentOf(payment, order, ({ attempts }) => attempts.filter(({ kind }) => kind === 2).length >= 2);
  expect(topics.published(order)).toEqual([]);
  await gateway.faults.clearFaults({});
  await topics.untilPublished(order, 'PaymentFailed');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `VOID ${order}:1`]);
});

test('a key rises only after a definite "not now"; then the order is charged once', async () => {
  const order = newOrder();
  await fault('Charge', [`${order}:1`, `${order}:2`], { kind: Fault_Kind.TEMPORARY_DECLINE });
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
  expect(await attemptsOf(order)).toEqual([`${order}:1 3`, `${order}:2 3`, `${order}:3 1`]);
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:3`]);
});

test('"not now" to every attempt is a failure, and nothing is charged', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.TEMPORARY_DECLINE });
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentFailed');
  const event = fromBinary(PaymentFailedSchema, topics.replies(order)[0]?.value ?? new Uint8Array());
  expect(event).toMatchObject({
    reason: PaymentFailed_Reason.TEMPORARILY_DECLINED,
    declineCode: 'try_again_later',
  });
  expect(await gateway.ledger(order)).toEqual([]);
});

test('a cancel while the charge hangs takes the charge back', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.HANG, afterEffect: true });
  await topics.toBePaid(order);
  await eventually(async () => (await gateway.ledger(order)).length === 1);
  await topics.cancel(order);
  await topics.untilPublished(order, 'PaymentVoided');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `VOID ${order}:1`]);
  expect((await paymentOf(payment, order)).state).toBe(State.VOIDED);
  expect(topics.published(order)).toEqual(['PaymentVoided']);
});

test('a cancel after the charge gives it back, once, also when the reply is lost', async () => {
  const order = newOrder();
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
  await fault('RefundCharge', [`${order}:refund`], lostReply);
  await topics.cancel(order);
  await eventually(async () => (await gateway.ledger(order)).length === 2);
  await gateway.faults.clearFaults({});
  await topics.untilPublished(order, 'PaymentRefunded');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `REFUND ${order}:1`]);
  expect(topics.published(order)).toEqual(['PaymentProcessed', 'PaymentRefunded']);
});

test('a cancel before there is anything to pay closes the payment permanently', async () => {
  const order = newOrder();
  await topics.cancel(order);
  await topics.untilPublished(order, 'PaymentVoided');
  await topics.toBePaid(order);
  const other = newOrder();
  await topics.toBePaid(other);
  await topics.cancel(order, { requery: '1' });
  await eventually(() => topics.published(order).length === 2);
  await topics.untilPublished(other, 'PaymentProcessed');
  expect(await attemptsOf(order)).toEqual([]);
  const [first, second] = topics.replies(order);
  expect(second?.headers['ce_id']).toBe(first?.headers['ce_id']);
  expect(second?.value).toEqual(first?.value);
});

test('an order that asks again gets the same reply again; one that only repeats itself gets none', async () => {
  const order = newOrder();
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
  await topics.toBePaid(order);
  await topics.requery(order);
  await eventually(() => topics.published(order).length === 2);
  const [first, second] = topics.replies(order);
  expect(second?.value).toEqual(first?.value);
  expect(second?.headers).toMatchObject({
    ce_id: first?.headers['ce_id'],
    ce_time: first?.headers['ce_time'],
  });
});

test('a failed payment replies to the cancel that follows', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.TEMPORARY_DECLINE });
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentFailed');
  await topics.cancel(order);
  await topics.untilPublished(order, 'PaymentVoided');
  expect(topics.published(order)).toEqual(['PaymentFailed', 'PaymentVoided']);
});

test('a refund is for completed orders only; asked for twice it is one', async () => {
  const order = newOrder();
  const paymentId = `pay-${order}`;
  const refund = (requestId = '') =>
    payment.payments.refundPayment({ paymentId, reason: 'broken on arrival', requestId }, as('anna'));
  expect(await reasonOf(refund())).toBe('PAYMENT_NOT_FOUND');
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
  expect(await reasonOf(refund('r-1'))).toBe('PAYMENT_NOT_REFUNDABLE');
  await topics.completed(order);
  const first = await eventually(() => refund('r-1'));
  expect(first.payment?.state).toBe(State.REFUNDING);
  await topics.untilPublished(order, 'PaymentRefunded');
  expect(await refund('r-1')).toEqual(first);
  expect((await refund()).payment?.state).toBe(State.REFUNDED);
  const reply = topics.replies(order).at(-1)?.value ?? new Uint8Array();
  expect(fromBinary(PaymentRefundedSchema, reply)).toMatchObject({
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

test('the charge of an order that the order service does not know can be refunded, and only then', async () => {
  const order = newOrder();
  const refund = () =>
    payment.payments.refundPayment({ paymentId: `pay-${order}`, reason: 'nobody ordered it' }, as('anna'));
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
  expect(await reasonOf(refund())).toBe('PAYMENT_NOT_REFUNDABLE');
  orders.state.down = true;
  expect(await reasonOf(refund())).toBe('DEPENDENCY_UNAVAILABLE');
  orders.state.down = false;
  orders.unknown.add(order);
  // Its circuit may have opened.
  await eventually(refund);
  await topics.untilPublished(order, 'PaymentRefunded');
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `REFUND ${order}:1`]);
  expect((await paymentOf(payment, order)).refundRequest).toMatchObject({
    reason: 'nobody ordered it',
    callerId: 'anna',
  });
});

test('a charge that was refunded at the gateway itself counts as refunded: its ledger says so', async () => {
  const order = newOrder();
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
  await gateway.gateway.refundCharge({ key: `${order}:console`, chargeKey: `${order}:1` });
  await topics.cancel(order);
  await topics.untilPublished(order, 'PaymentRefunded');
  expect(await paymentOf(payment, order)).toMatchObject({ state: State.REFUNDED, problem: '' });
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`, `REFUND ${order}:1`]);
});

test('a void that the gateway refuses is a problem to be seen, and ends by itself when it changes its mind', async () => {
  const order = newOrder();
  await fault('Charge', [order], { kind: Fault_Kind.HANG });
  await fault('VoidCharge', [order], refusal);
  await topics.toBePaid(order);
  const { attempts, ...refused } = await paymentOf(payment, order, ({ problem }) => problem !== '');
  expect(refused).toMatchObject({
    state: State.SETTLING,
    problem: 'FAULT_INJECTED: an injected fault; its ledger has no such charge',
  });
  expect(attempts.some(({ outcome }) => outcome === Outcome.REFUSED)).toBe(true);
  expect(topics.published(order)).toEqual([]);
  await gateway.faults.clearFaults({});
  await topics.untilPublished(order, 'PaymentFailed');
  expect(await paymentOf(payment, order)).toMatchObject({ state: State.FAILED, problem: '' });
});

test('a refund that the gateway refuses permanently is counted, and ends when it is settled by hand', async () => {
  const order = newOrder();
  const paymentId = `pay-${order}`;
  const settle = (requestId = '') =>
    payment.payments.settlePayment({ paymentId, reason: 'bank transfer', requestId }, as('ben'));
  expect(await reasonOf(settle())).toBe('PAYMENT_NOT_FOUND');
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
  await topics.completed(order);
  await fault('RefundCharge', [`${order}:refund`], refusal);
  expect(await reasonOf(settle())).toBe('PAYMENT_NOT_REFUSED');
  await eventually(() => payment.payments.refundPayment({ paymentId, reason: 'came broken' }, as('anna')));
  const refused = await paymentOf(payment, order, ({ problem }) => problem !== '');
  expect(refused.problem).toBe('FAULT_INJECTED: an injected fault; its ledger says that the charge stands');
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
  await topics.untilPublished(order, 'PaymentRefunded');
  const reply = topics.replies(order).at(-1)?.value ?? new Uint8Array();
  expect(fromBinary(PaymentRefundedSchema, reply)).toMatchObject({
    reason: 'bank transfer',
    callerId: 'ben',
    settledByHand: true,
  });
  expect(await gateway.ledger(order)).toEqual([`CHARGE ${order}:1`]);
  expect(topics.published(order)).toEqual(['PaymentProcessed', 'PaymentRefunded']);
});

test('what cannot be is dead-lettered and changes nothing; what cannot be read is dead-lettered too', async () => {
  const order = newOrder();
  await topics.completed(order);
  await topics.toBePaid(order);
  await topics.untilPublished(order, 'PaymentProcessed');
  await topics.reserved(order, 1n);
  await topics.producer.send([
    {
      topic: 'order-events',
      key: order,
      value: Buffer.from('nonsense'),
      headers: { ce_type: 'orderflow.order.event.v1.OrderCancelRequested' },
    },
    {
      topic: 'order-events',
      key: order,
      value: Buffer.from('x'),
      headers: { ce_type: 'of.another.Service' },
    },
  ]);
  await eventually(() => reasonsOf(order).length === 3);
  expect(reasonsOf(order)).toEqual(['CONTRADICTORY_EVENT', 'CONTRADICTORY_EVENT', 'MALFORMED_PROTOBUF']);
  expect(await gateway.ledger(order)).toHaveLength(1);
});

test('what costs nothing is paid without a charge, and can be cancelled', async () => {
  const order = newOrder();
  await topics.toBePaid(order, 0n);
  await topics.untilPublished(order, 'PaymentProcessed');
  await topics.cancel(order);
  await topics.untilPublished(order, 'PaymentVoided');
  expect(await attemptsOf(order)).toEqual([]);
});

test('payments are listed newest first, page by page, by customer and state', async () => {
  const orders = [newOrder(), newOrder(), newOrder()];
  for (const order of orders) {
    await topics.toBePaid(order);
    await topics.untilPublished(order, 'PaymentProcessed');
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
  const made = pageTokens<[string, string]>('payments', textKey, textKey);
  for (const pageToken of ['x', made.encode(['yesterday', 'o-1']), made.encode(['', '\0'])]) {
    expect(await reasonOf(payment.payments.listPayments({ pageToken }))).toBe('PAGE_TOKEN_INVALID');
  }
});
