import { create } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { FaultSchema } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { untilKnown } from '@orderflow/local/clients';
import { recordOf } from '@orderflow/local/orders';
import { errorReason } from '@orderflow/rpc';
import { eventually } from '@orderflow/testing';
import type { Lines, Whole } from './whole.ts';

/** Short times, so that retries, settling and deadline checks happen within a test. */
export const hastyTimes = {
  PAYMENT_RETRY_DELAYS: '200ms,400ms,800ms',
  PAYMENT_SETTLE_INTERVAL: '500ms',
  GATEWAY_TRY_TIMEOUT: '1s',
} as const;

const waitMs = 150_000;

const kinds = { cancelled: [1, 2, 3], silent: [1, 2] } as const;
const idOf = (name: string, kind: string, n: number) => `${name}-${kind}-${n}`;

/**
 * Sets the gateway's faults for these mixes: it is slow, charges, and then returns an error. The orders of one kind are
 * cancelled meanwhile, those of the other have to be settled. Errors, and not broken connections: those would open the
 * circuit, and all other payments would wait too.
 */
export async function prepareMixes(whole: Whole, names: readonly string[]): Promise<void> {
  const ids = names.flatMap((name) =>
    Object.entries(kinds).flatMap(([kind, numbers]) => numbers.map((n) => idOf(name, kind, n))),
  );
  const fault = create(FaultSchema, {
    method: 'Charge',
    ids,
    minLatency: { nanos: 400_000_000 },
    errorRate: 1,
    errorCode: Code.Internal,
    afterEffect: true,
  });
  await untilKnown(() => whole.gatewayFaults.setFault({ fault }));
}

/**
 * Runs orders of every kind concurrently: over the API and Kafka, short of stock, cancelled while the gateway is
 * charging, charged with a lost response, refunded after their completion; and more stock arrives. Needs
 * {@link prepareMixes}. Resolves when each has ended; whatever is killed meanwhile must recover.
 */
export async function runMix(whole: Whole, name: string): Promise<void> {
  const id = (kind: string, n: number) => idOf(name, kind, n);
  const slow = kinds.cancelled.map((n) => id('cancelled', n));
  const silent = kinds.silent.map((n) => id('silent', n));
  await Promise.all([
    ...[1, 2, 3, 4].map((n) => whole.place({ orderId: id('api', n), lines: { 'p-201': 1, 'p-202': 2 } })),
    send(whole, { [id('kafka', 1)]: { 'p-203': 1 }, [id('kafka', 2)]: { 'p-204': 2 } }),
    send(whole, { [id('short', 1)]: { 'p-205': 1, 'p-1': 10_000 }, [id('short', 2)]: { 'p-4': 9_999 } }),
    ...silent.map((orderId) => whole.place({ orderId, lines: { 'p-206': 1 } })),
    ...slow.map((orderId) => placeAndCancel(whole, orderId)),
    placeAndRefund(whole, id('refunded', 1)),
    untilKnown(() =>
      whole.inventory.adjustStock({ productId: 'p-209', delta: 5n, reason: 'delivery', requestId: name }),
    ),
  ]);
  const placed = [
    ...[1, 2, 3, 4].map((n) => id('api', n)),
    ...[1, 2].flatMap((n) => [id('kafka', n), id('short', n)]),
    ...slow,
    ...silent,
  ];
  await Promise.all(placed.map((orderId) => whole.ended(orderId)));
}

async function send(whole: Whole, orders: Readonly<Record<string, Lines>>): Promise<void> {
  const records = Object.entries(orders).map(([orderId, lines]) => {
    const content = Object.entries(lines).map(([productId, quantity]) => ({ productId, quantity }));
    return recordOf({ orderId, customerId: 'c-1', lines: content }, 'plain_json');
  });
  await eventually(() => whole.stores.send(records), { timeoutMs: waitMs });
}

async function placeAndCancel(whole: Whole, orderId: string): Promise<void> {
  await whole.place({ orderId, lines: { 'p-207': 1 } });
  await whole.ended(orderId, Order_State.RESERVED, ...beyondReserved);
  try {
    await untilKnown(() => whole.orders.cancelOrder({ orderId, reason: 'changed my mind' }));
  } catch (error) {
    // A restarted gateway has lost its fault and is fast: then the charge may win.
    if (errorReason(error) !== 'ORDER_NOT_CANCELLABLE') throw error;
  }
}

const beyondReserved = [
  Order_State.CONFIRMED,
  Order_State.COMPLETED,
  Order_State.CANCELLING,
  Order_State.CANCELLED,
] as const;

/** An order whose charge was given up ends as CANCELLED, and has nothing to refund: then another is placed. */
async function placeAndRefund(whole: Whole, orderId: string, attempts = 5): Promise<void> {
  await whole.place({ orderId, lines: { 'p-208': 1 } });
  const { state } = await whole.ended(orderId);
  // A machine that is busy enough has the gateway take longer than GATEWAY_TRY_TIMEOUT, in each of its attempts.
  if (state === Order_State.CANCELLED && attempts > 1) {
    return placeAndRefund(whole, `${orderId}-again`, attempts - 1);
  }
  if (state !== Order_State.COMPLETED) throw new Error(`${orderId} was to be refunded, and is not COMPLETED`);
  const paymentOf = () => whole.payments.getPaymentByOrder({ orderId });
  const { payment } = await eventually(paymentOf, { timeoutMs: waitMs, intervalMs: 100 });
  const request = { paymentId: payment?.paymentId ?? '', reason: 'came broken', requestId: orderId };
  // Refused until payment has received OrderCompleted.
  await eventually(() => whole.payments.refundPayment(request), { timeoutMs: waitMs, intervalMs: 100 });
  await eventually(async () => (await whole.order(orderId)).refunded, { timeoutMs: waitMs, intervalMs: 100 });
}
