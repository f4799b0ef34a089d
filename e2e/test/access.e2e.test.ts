import { readFile } from 'node:fs/promises';
import { callAs, ordersCommand } from '@orderflow/local/clients';
import { recordOf } from '@orderflow/local/orders';
import { fetchPersonToken } from '@orderflow/local/tokens';
import { errorReason } from '@orderflow/rpc';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWhole, type Whole } from '../src/whole.ts';

let system: Whole;
let issuer: string;

beforeAll(async () => {
  system = await startWhole('access', {}, { auth: true });
  issuer = system.env['AUTH_ISSUER'] ?? '';
  const token = await tokenOf('operator', 'olga');
  for (const product of ['p-1', 'p-2']) {
    const set = await call('PUT', `/inventory/${product}`, { token, json: { quantity_available: 100 } });
    expect(set).toMatchObject({ status: 200, body: { available: 100 } });
  }
});

afterAll(() => system?.[Symbol.asyncDispose]());

const tokenOf = (role: 'customer' | 'operator', subject: string) =>
  fetchPersonToken(issuer, { role, subject });

/** The audit lines of a process. */
async function auditOf(name: 'order-api' | 'payment'): Promise<unknown[]> {
  const log = await readFile(system.services[name].logFile, 'utf8');
  const lines = log.split('\n').filter((line) => line.includes('"stream":"audit"'));
  return lines.map((line) => JSON.parse(line));
}

interface Sent {
  readonly token?: string;
  readonly json?: object;
  readonly headers?: Record<string, string>;
}

/** Calls the order API over REST. */
async function call(method: string, path: string, { token, json, headers }: Sent = {}) {
  const response = await fetch(`${system.services['order-api'].url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any path
  return { status: response.status, body: (await response.json()) as any };
}

const order = (orderId: string) => ({ order_id: orderId, items: [{ product_id: 'p-1', quantity: 1 }] });

async function ended(orderId: string, token: string, state: string): Promise<void> {
  await eventually(async () => {
    expect((await call('GET', `/orders/${orderId}/status`, { token })).body).toMatchObject({ status: state });
  });
}

describe('a customer', () => {
  test('orders for itself without naming itself, and the order is completed by services with tokens of their own', async () => {
    const token = await tokenOf('customer', 'c-1');
    const placed = await call('POST', '/orders', { token, json: order('own') });
    expect(placed).toMatchObject({ status: 202, body: { order: { customerId: 'c-1' } } });
    await ended('own', token, 'COMPLETED');
    const other = await call('POST', '/orders', { token, json: { ...order('for-c-2'), customer_id: 'c-2' } });
    expect(other).toMatchObject({ status: 403, body: { error: 'permission_denied' } });
  });

  test('is mailed with what notification has read with a token of its own, and does not see mails', async () => {
    const token = await tokenOf('customer', 'c-11');
    await call('POST', '/orders', { token, json: order('mailed') });
    const operator = await tokenOf('operator', 'olga');
    await eventually(async () => {
      const { status, body } = await call('GET', '/notifications?order_id=mailed', { token: operator });
      expect(status).toBe(200);
      const { notifications } = body as { notifications: { kind: string; subject?: string }[] };
      expect(notifications.map(({ kind }) => kind).sort()).toEqual(['COMPLETED', 'CONFIRMED']);
      // It has one once it is rendered, with the customer's name and the order's lines.
      for (const { subject } of notifications) expect(subject).toContain('mailed');
    });
    const json = { customer_id: 'c-11', subject: 'Your parcel', message: 'It is on its way.' };
    expect(await call('POST', '/notifications', { token, json })).toMatchObject({ status: 403 });
    expect(await call('GET', '/notifications/mailed.confirmed', { token })).toMatchObject({ status: 403 });
    expect(await call('POST', '/notifications', { token: operator, json })).toMatchObject({
      status: 200,
      body: { kind: 'MESSAGE', customerId: 'c-11', subject: 'Your parcel' },
    });
  });

  test('reads how many orders it has; earlier ones are read by the enrichment stub with a token of its own', async () => {
    const token = await tokenOf('customer', 'c-7');
    await call('POST', '/orders', { token, json: order('of-c-7') });
    await eventually(async () => {
      expect((await call('GET', '/customers/c-7', { token })).body).toMatchObject({ orderCount: 1 });
    });
    await eventually(async () => {
      const backfill = await system.stores.query('select done from order_backfill', [], 'enrichment');
      expect(backfill).toEqual([{ done: true }]);
    });
    expect((await call('GET', '/customers/c-8', { token })).status).toBe(403);
  });

  test("finds none of another's orders, in no way, and changes none", async () => {
    const [mine, theirs] = await Promise.all([tokenOf('customer', 'c-3'), tokenOf('customer', 'c-4')]);
    await call('POST', '/orders', { token: mine, json: order('mine') });
    await ended('mine', mine, 'COMPLETED');
    for (const [method, path] of [
      ['GET', '/orders/mine'],
      ['GET', '/orders/mine/status'],
      ['GET', '/orders/mine/history'],
      ['DELETE', '/orders/mine'],
      ['POST', '/orders/mine/cancel'],
    ] as const) {
      const sent = { token: theirs, ...(method === 'POST' && { json: {} }) };
      expect([path, await call(method, path, sent)]).toEqual([
        path,
        expect.objectContaining({ status: 404, body: expect.objectContaining({ error: 'order_not_found' }) }),
      ]);
    }
    expect((await call('GET', '/orders', { token: theirs })).body.orders).toEqual([]);
    expect((await call('GET', '/orders/customer/c-3', { token: theirs })).status).toBe(403);
    const own = await call('GET', '/orders', { token: mine });
    expect(own.body.orders).toEqual([expect.objectContaining({ orderId: 'mine', state: 'COMPLETED' })]);
    expect((await call('GET', '/orders/mine/history', { token: mine })).status).toBe(200);
  });

  test("watches none of another's orders", async () => {
    const [mine, theirs] = (['c-3', 'c-4'] as const).map((subject) =>
      callAs({ role: 'customer', subject }),
    ) as [ReturnType<typeof callAs>, ReturnType<typeof callAs>];
    const { orders } = system;
    const watch = (options: typeof mine) =>
      orders.watchOrder({ orderId: 'mine' }, options)[Symbol.asyncIterator]().next();
    expect((await watch(mine)).value.order).toMatchObject({ orderId: 'mine', customerId: 'c-3' });
    expect(errorReason(await watch(theirs).catch((error: unknown) => error))).toBe('ORDER_NOT_FOUND');
    const all = orders.watchOrders({ customerId: 'c-3' }, theirs)[Symbol.asyncIterator]().next();
    expect(errorReason(await all.catch((error: unknown) => error))).toBe('PERMISSION_DENIED');
    // What another orders does not come to who watches its own: it has the bookmark, then its own order.
    const own = orders.watchOrders({}, theirs)[Symbol.asyncIterator]();
    expect((await own.next()).value.order).toBeUndefined();
    for (const [orderId, subject] of [
      ['not-theirs', 'c-3'],
      ['theirs', 'c-4'],
    ] as const) {
      const token = await tokenOf('customer', subject);
      expect((await call('POST', '/orders', { token, json: order(orderId) })).status).toBe(202);
      await ended(orderId, token, 'COMPLETED');
    }
    expect((await own.next()).value.order).toMatchObject({ orderId: 'theirs', customerId: 'c-4' });
    await own.return?.();
  });

  test('shares no stored response with another who chose the same key', async () => {
    const [ann, bob] = await Promise.all([tokenOf('customer', 'c-5'), tokenOf('customer', 'c-6')]);
    const headers = { 'idempotency-key': 'same', 'x-caller-id': 'c-5' };
    const json = { items: [{ product_id: 'p-1', quantity: 1 }] };
    const first = await call('POST', '/orders', { token: ann, json, headers });
    const again = await call('POST', '/orders', { token: ann, json, headers });
    const others = await call('POST', '/orders', { token: bob, json, headers });
    expect(again.body.orderId).toBe(first.body.orderId);
    expect(others).toMatchObject({ status: 202, body: { order: { customerId: 'c-6' } } });
    expect(others.body.orderId).not.toBe(first.body.orderId);
  });

  test('reads the catalogue and itself, and nothing that is for operators', async () => {
    const token = await tokenOf('customer', 'c-1');
    const product = await call('GET', '/products?sku=MOUSE001', { token });
    expect(product.body.products).toEqual([
      expect.objectContaining({ availableQuantity: expect.any(Number) }),
    ]);
    expect((await call('GET', '/customers/c-1', { token })).body).toMatchObject({ customerId: 'c-1' });
    for (const [method, path, json] of [
      ['GET', '/customers/c-2'],
      ['GET', '/customers'],
      ['GET', '/inventory/p-1'],
      ['GET', '/payments/order/own'],
      ['PUT', '/customers/c-1', { name: 'Eve' }],
      ['PUT', '/inventory/p-1', { quantity_available: 1_000 }],
      ['POST', '/orders/own/retry', {}],
    ] as const) {
      const { status, body } = await call(method, path, { token, ...(json && { json }) });
      expect([path, status, body.error]).toEqual([path, 403, 'permission_denied']);
    }
  });
});

test('the history of an order names the verified caller who cancelled it', async () => {
  const token = await tokenOf('customer', 'c-9');
  // Undecided, it can be cancelled for as long as that takes.
  await system.services['order-worker'].stop();
  await call('POST', '/orders', { token, json: order('regretted') });
  const headers = { 'x-caller-id': 'c-1' };
  expect(await call('DELETE', '/orders/regretted', { token, headers })).toMatchObject({ status: 200 });
  await system.services['order-worker'].start();
  const history = await call('GET', '/orders/regretted/history', { token });
  const causes = history.body.transitions.map(({ cause }: { cause: string }) => cause);
  expect(causes).toContain(`CancelOrder by c-9@${issuer.replace('http://', '')}`);
});

describe('an operator', () => {
  test('is named by its token in what it changes, also through the order API', async () => {
    const token = await tokenOf('operator', 'olga');
    const headers = { 'x-caller-id': 'someone-else' };
    await call('POST', '/orders', { token, headers, json: { ...order('refund-me'), customer_id: 'c-7' } });
    await ended('refund-me', token, 'COMPLETED');
    const payment = await call('GET', '/payments/order/refund-me', { token });
    expect(payment.body).toMatchObject({ state: 'PROCESSED' });
    const refund = await call('POST', `/payments/${payment.body.paymentId}/refund`, {
      ...{ token, headers },
      json: { reason: 'broken', request_id: 'refund-1' },
    });
    expect(refund.status).toBe(200);

    const name = `olga@${issuer.replace('http://', '')}`;
    const adjustments = await call('GET', '/inventory/p-2/adjustments', { token });
    expect(adjustments.body.adjustments[0]).toMatchObject({ callerId: name, onHand: 100 });
    expect(await auditOf('payment')).toEqual([
      expect.objectContaining({
        ...{ subject: 'olga', issuer, outcome: 'ok', request_id: 'refund-1' },
        ...{ method: 'orderflow.payment.v1.PaymentService/RefundPayment', object: payment.body.paymentId },
      }),
    ]);
  });
});

describe('programs of the repository', () => {
  test('clients call as the customer of their request, as an operator, or as whom they are asked to', async () => {
    await system.place({ orderId: 'by-client', customerId: 'c-9', lines: { 'p-101': 1 } });
    await system.ended('by-client');
    expect(await auditOf('order-api')).toContainEqual(
      expect.objectContaining({ subject: 'c-9', object: 'by-client', outcome: 'ok' }),
    );
    const get = (subject: string) =>
      system.orders.getOrder({ orderId: 'by-client' }, callAs({ role: 'customer', subject }));
    expect((await get('c-9')).order?.orderId).toBe('by-client');
    await expect(get('c-10')).rejects.toThrow('not_found');
    expect(await system.available('p-101')).toBeGreaterThan(0);
  });

  test('orders cancel has a token of its client, and the order the name of who was at the terminal', async () => {
    await system.services['order-worker'].stop();
    try {
      await system.place({ orderId: 'by-cli', customerId: 'c-9', lines: { 'p-102': 1 } });
      const { code, said } = await ordersCommand(system.env, 'cancel', 'by-cli', '--reason', 'a test');
      expect({ code, said }).toEqual({ code: 0, said: expect.stringMatching(/^by-cli is CANCELLED/) });
    } finally {
      await system.services['order-worker'].start();
    }
    const { transitions } = await system.orders.getOrderHistory({ orderId: 'by-cli' });
    expect(transitions.at(-1)?.cause).toMatch(/^CancelOrder by orders-cli@localhost:\d+ for .+@.+$/);
  });

  test('orders retry refuses without a token, and says what to do', async () => {
    const { AUTH_ISSUER: _, ...env } = system.env;
    const ORDER_API_URL = system.services['order-api'].url;
    expect(await ordersCommand({ ...env, ORDER_API_URL }, 'retry', 'by-client')).toEqual({
      code: 1,
      said: 'The order API wants a token: set AUTH_ISSUER, AUTH_CLIENT_ID and AUTH_CLIENT_SECRET, or ORDERS_TOKEN.',
    });
    expect(await ordersCommand({ ...system.env, ORDER_API_URL }, 'retry', 'by-client')).toEqual({
      code: 1,
      said: 'The order API refuses: order by-client does not need attention',
    });
  });
});

test('without a token nothing but health, metrics and the description of the API', async () => {
  for (const path of ['/orders/own', '/products', '/customers/c-1']) {
    expect((await call('GET', path)).status).toBe(401);
  }
  for (const { url } of Object.values(system.services)) {
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
  }
});

test('while there are no tokens for our own calls, orders wait, and none is rejected', async () => {
  const token = await tokenOf('operator', 'olga');
  await system.identity?.stop();
  await system.services['order-worker'].stop();
  await system.services['order-worker'].launch();
  await system.stores.send([
    recordOf({ orderId: 'waits', customerId: 'c-8', lines: [{ productId: 'p-1', quantity: 1 }] }, 'protobuf'),
  ]);
  await eventually(async () => {
    const log = await readFile(system.services['order-worker'].logFile, 'utf8');
    expect(log).toContain('no token for own calls could be fetched');
  });
  // Tokens that callers have already are verified without their issuer.
  expect((await call('GET', '/orders/own/status', { token })).body).toMatchObject({ status: 'COMPLETED' });
  await system.identity?.start();
  await ended('waits', token, 'COMPLETED');
});

test('orders check reads the ledger with a token, and finds nothing', () => system.expectSound());
