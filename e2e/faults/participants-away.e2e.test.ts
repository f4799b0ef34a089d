import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { ordersCommand } from '@orderflow/local/clients';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hastyTimes } from '../src/mix.ts';
import { startWhole, type Whole } from '../src/whole.ts';

// Half of it is what participants have when they are back: enough also on a busy machine.
const deadlines = { ORDER_DEADLINE: '20s', SETTLE_DEADLINE: '3s' };
let whole: Whole;

beforeAll(async () => {
  whole = await startWhole('participants-away', { ...hastyTimes, ...deadlines });
});
afterAll(() => whole?.[Symbol.asyncDispose]());

interface Row {
  readonly state: string;
  readonly needs_attention: string | null;
}

const rowsOf = (name: string) =>
  whole.stores.query<Row>(`select state, needs_attention from orders where id like '${name}-%'`);
const orders = (...args: string[]) =>
  ordersCommand({ ...whole.env, ORDER_API_URL: whole.services['order-api'].url }, ...args);

async function place(name: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${name}-${index}`);
  for (const orderId of ids) await whole.place({ orderId, lines: { 'p-401': 1 } });
  return ids;
}

test('inventory and payment are frozen for longer than orders may take: none is cancelled for it, but by hand', async () => {
  const { inventory, payment } = whole.services;
  const waiting = async (name: string, state: string, needsAttention: string | null) => {
    const expected = { state, needs_attention: needsAttention };
    await eventually(async () => expect(await rowsOf(name)).toEqual(Array(10).fill(expected)), {
      timeoutMs: 90_000,
      intervalMs: 500,
    });
  };
  payment.freeze();
  try {
    const ofPayment = await place('payment', 10);
    await waiting('payment', 'RESERVED', null);
    inventory.freeze();
    const ofInventory = await place('inventory', 10);
    // Half the deadline, the other half, and then they are postponed for longer than SETTLE_DEADLINE.
    await waiting('payment', 'RESERVED', 'PARTICIPANT_BEHIND');
    await waiting('inventory', 'ACCEPTED', 'PARTICIPANT_BEHIND');
    expect((await orders('stuck')).said).toMatch(
      /inventory-0 .*PARTICIPANT_BEHIND.* group (inventory|payment) has not read all records of [a-z-]+, partition \d/,
    );
    const [byHand, ...others] = [...ofInventory, ...ofPayment];
    expect(await orders('cancel', byHand ?? '', '--reason', 'waited for too long')).toMatchObject({
      code: 0,
    });

    inventory.thaw();
    payment.thaw();
    expect(await whole.ended(byHand ?? '')).toMatchObject({ state: Order_State.CANCELLED });
    for (const orderId of others) {
      expect(await whole.ended(orderId)).toMatchObject({ state: Order_State.COMPLETED, needsAttention: '' });
    }
  } finally {
    inventory.thaw();
    payment.thaw();
  }
  await whole.expectSound();
});

test('the gateway is unavailable for longer than orders may take: they are cancelled', async () => {
  const gateway = whole.services['payment-gateway-stub'];
  await gateway.stop();
  try {
    const ids = await place('gateway', 5);
    for (const orderId of ids) await whole.ended(orderId, Order_State.CANCELLING, Order_State.CANCELLED);
    const reasons = await whole.stores.query(
      "select distinct cancel_reason from orders where id like 'gateway-%'",
    );
    expect(reasons).toEqual([{ cancel_reason: 'DEADLINE' }]);
  } finally {
    await gateway.start();
  }
  await whole.expectSound();
});
