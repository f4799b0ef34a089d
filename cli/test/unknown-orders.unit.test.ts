import { expect, test } from 'vitest';
import { unknownOrders } from '../src/orders/unknown-orders.ts';
import { answering } from './fake-stores.ts';

const row = { amount: '1299', currency: 'USD', create_time: new Date('2026-11-24T12:00:00Z') };
const charged = [
  { ...row, order_id: 'o-1', state: 'PROCESSED' },
  { ...row, order_id: 'o-ghost', state: 'PROCESSED' },
];
const waiting = [{ ...row, order_id: 'o-forged', state: 'InventoryReserved' }];

test('payments of unknown orders are named, with what gives the money back', async () => {
  const text = await unknownOrders({
    orders: answering({ orders: [{ id: 'o-1' }] }),
    payment: answering({ payment: charged }),
  });
  expect(text).toMatch(/^1 payments of orders that the order service does not know:$/m);
  expect(text).toMatch(/^o-ghost +PROCESSED +12\.99 USD +2026-11-24 12:00:00\.000Z$/m);
  expect(text).toContain('RefundPayment');
  expect(text).not.toMatch(/^o-1 /m);
});

test('a reservation of an unknown order is listed', async () => {
  const stores = { orders: answering({}), payment: answering({ waiting_charge: waiting }) };
  expect(await unknownOrders(stores)).toMatch(/^o-forged +InventoryReserved /m);
});

test('where every order is known nothing is said', async () => {
  const stores = {
    orders: answering({ orders: [{ id: 'o-1' }] }),
    payment: answering({ payment: [charged[0] ?? {}] }),
  };
  expect(await unknownOrders(stores)).toBe('');
});
