import { Payment_State as State } from '@orderflow/contracts/orderflow/payment/v1/payment';
import { Fault_Kind } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CrashPoint, crashPoints } from '../src/crash-points.ts';
import {
  paymentOf,
  runPayment,
  type Surroundings,
  startProgram,
  startSurroundings,
} from './running-payment.ts';

let gateway: Surroundings['gateway'];
let topics: Surroundings['topics'];
let paymentEnv: Surroundings['paymentEnv'];

beforeAll(async () => {
  ({ gateway, topics, paymentEnv } = await startSurroundings());
});
afterAll(async () => {
  await topics?.close();
  await gateway?.kill();
});

const newOrder = () => uniqueName('o');

describe('killed between two durable steps', () => {
  const quick = { PAYMENT_RETRY_DELAYS: '200ms,200ms,200ms', PAYMENT_SETTLE_INTERVAL: '300ms' };
  const unknown = { method: 'Charge', kind: Fault_Kind.HANG, afterEffect: true } as const;
  interface End {
    readonly state: State;
    readonly moved: readonly string[];
    readonly published: readonly string[];
  }
  const usual: End = { state: State.PROCESSED, moved: ['CHARGE'], published: ['PaymentProcessed'] };
  const settled: End = { state: State.FAILED, moved: ['CHARGE', 'VOID'], published: ['PaymentFailed'] };
  const ends: Record<CrashPoint, End> = {
    'payment-after-intake': usual,
    'payment-after-attempt-written': usual,
    'payment-after-charge': usual,
    'payment-after-record': usual,
    'payment-before-settle': settled,
    'payment-after-void': settled,
    'payment-after-refund': {
      state: State.REFUNDED,
      moved: ['CHARGE', 'REFUND'],
      published: ['PaymentProcessed', 'PaymentRefunded'],
    },
  };
  const published = new Map<string, readonly string[]>();

  test.each(crashPoints)(
    '%s: the money is where the payment says',
    async (point) => {
      const order = newOrder();
      const end = ends[point];
      published.set(order, end.published);
      if (end === settled) await gateway.faults.setFault({ fault: { ...unknown, ids: [order] } });
      const dying = await startProgram('payment', {
        ...paymentEnv,
        ...quick,
        GATEWAY_TRY_TIMEOUT: '500ms',
        ORDERFLOW_TEST: '1',
        CRASH_AT: `${point}#1`,
      });
      await topics.toBePaid(order);
      if (point === 'payment-after-refund') {
        await paymentOf(dying, order, ({ state }) => state === State.PROCESSED);
        await topics.cancel(order);
      }
      expect((await dying.exited).signal).toBe('SIGKILL');
      dying.close();

      const payment = await runPayment({ ...paymentEnv, ...quick });
      await paymentOf(payment, order, ({ state }) => state === end.state);
      await payment.stop();
      await gateway.faults.clearFaults({});
      expect((await gateway.ledger(order)).map((entry) => entry.split(' ')[0])).toEqual(end.moved);
    },
    90_000,
  );

  test('every reply is published in the end, and repeats of it are the same event', async () => {
    const payment = await runPayment(paymentEnv);
    for (const [order, kinds] of published) {
      for (const kind of kinds) await topics.untilPublished(order, kind);
      expect([...new Set(topics.published(order))]).toEqual(kinds);
    }
    await payment.stop();
  }, 90_000);
});
