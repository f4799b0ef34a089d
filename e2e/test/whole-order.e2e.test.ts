import type { JsonObject } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { events } from '@orderflow/asyncapi';
import { topics } from '@orderflow/contracts';
import { ErrorInfoSchema, PreconditionFailureSchema } from '@orderflow/contracts/google/rpc/error_details';
import { LedgerEntry_Kind } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { Reservation_State } from '@orderflow/contracts/orderflow/inventory/v1/reservation';
import { CancelReason } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { Payment_State } from '@orderflow/contracts/orderflow/payment/v1/payment';
import { ordersCommand } from '@orderflow/local/clients';
import { recordOf } from '@orderflow/local/orders';
import { orderPath } from '@orderflow/local/system';
import { eventually } from '@orderflow/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareWithDocument, topicsUnlike } from '../src/described-events.ts';
import { type Lines, startWhole, type Whole } from '../src/whole.ts';

let whole: Whole;

beforeAll(async () => {
  whole = await startWhole('whole-order');
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
});

/** The reason and the violations of a call that was refused. */
async function refusalOf(
  call: Promise<unknown>,
): Promise<{ reason: string | undefined; violations: string[] }> {
  const error = await call.then(
    () => {
      throw new Error('the call was not refused');
    },
    (reason: unknown) => ConnectError.from(reason),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  const violations = error.findDetails(PreconditionFailureSchema).flatMap((failure) => failure.violations);
  return {
    reason: info?.reason,
    violations: violations.map(({ type, description }) => `${type}: ${description}`),
  };
}

/** Sends an order to Kafka, without the API's precheck. */
async function send(orderId: string, lines: Lines, customerId = 'c-1'): Promise<void> {
  const content = Object.entries(lines).map(([productId, quantity]) => ({ productId, quantity }));
  await whole.stores.send([recordOf({ orderId, customerId, lines: content }, 'protobuf')]);
}

/** How often the gateway has charged for an order, and refunded. */
async function ledgerOf(orderId: string): Promise<{ charges: number; refunds: number }> {
  const { entries } = await whole.gateway.listLedger({ orderId });
  const charges = entries.filter(({ kind }) => kind === LedgerEntry_Kind.CHARGE).length;
  return { charges, refunds: entries.length - charges };
}

describe('an order that goes well', () => {
  test('is taken at once, and completed: charged once for all of its lines, its stock gone', async () => {
    const before = { first: await whole.available('p-101'), second: await whole.available('p-102') };
    const placed = await whole.place({ orderId: 'well', lines: { 'p-101': 2, 'p-102': 3 } });
    expect(placed.state).toBe(Order_State.PENDING);

    const order = await whole.ended('well');
    expect(order).toMatchObject({ state: Order_State.COMPLETED, refunded: false, needsAttention: '' });
    expect(order.transactionId).not.toBe('');
    expect(await ledgerOf('well')).toEqual({ charges: 1, refunds: 0 });
    expect(await whole.available('p-101')).toBe(before.first - 2);
    expect(await whole.available('p-102')).toBe(before.second - 3);
    const { payment } = await whole.payments.getPaymentByOrder({ orderId: 'well' });
    expect(payment).toMatchObject({ state: Payment_State.PROCESSED, amount: order.total });
  });

  test('says every step it has taken, and by which event', async () => {
    await whole.place({ orderId: 'steps', lines: { 'p-103': 1 } });
    await whole.ended('steps');
    const { transitions } = await whole.orders.getOrderHistory({ orderId: 'steps' });
    expect(transitions.map(({ state }) => state)).toEqual([
      Order_State.PENDING,
      Order_State.ACCEPTED,
      Order_State.RESERVED,
      Order_State.CONFIRMED,
      Order_State.COMPLETED,
    ]);
    expect(transitions.flatMap(({ events }) => events)).toEqual([
      'steps/1 orderflow.order.event.v1.OrderAccepted',
      'steps/2 orderflow.order.event.v1.OrderReserved',
      'steps/3 orderflow.order.event.v1.OrderConfirmed',
      'steps/4 orderflow.order.event.v1.OrderCompleted',
    ]);
  });

  test('is the same when it came over Kafka: it can be read, listed and has a history', async () => {
    await send('by-kafka', { 'p-104': 1 }, 'c-77');
    expect((await whole.ended('by-kafka')).state).toBe(Order_State.COMPLETED);
    const { orders } = await whole.orders.listOrders({ customerId: 'c-77' });
    expect(orders.map(({ orderId }) => orderId)).toEqual(['by-kafka']);
  });

  test('names one product on two lines: they are added up, and charged once', async () => {
    const before = await whole.available('p-105');
    const line = (quantity: bigint) => ({
      reference: { case: 'productId' as const, value: 'p-105' },
      quantity,
    });
    await whole.orders.createOrder({ orderId: 'twice', customerId: 'c-1', lines: [line(2n), line(3n)] });
    const order = await whole.ended('twice');
    expect(order.lines.map(({ quantity }) => quantity)).toEqual([5n]);
    expect(await whole.available('p-105')).toBe(before - 5);
    expect(await ledgerOf('twice')).toEqual({ charges: 1, refunds: 0 });
  });

  test('can be refunded in full, after its completion and not before; its history says by whom and why', async () => {
    await whole.place({ orderId: 'refund', lines: { 'p-106': 1 } });
    await whole.ended('refund');
    const { payment } = await whole.payments.getPaymentByOrder({ orderId: 'refund' });
    const paymentId = payment?.paymentId ?? '';
    const caller = { headers: { 'x-caller-id': 'anna' } };
    await eventually(() => whole.payments.refundPayment({ paymentId, reason: 'came broken' }, caller));
    await eventually(async () => (await whole.order('refund')).refunded);
    expect((await whole.order('refund')).state).toBe(Order_State.COMPLETED);
    expect(await ledgerOf('refund')).toEqual({ charges: 1, refunds: 1 });
    const { transitions } = await whole.orders.getOrderHistory({ orderId: 'refund' });
    expect(transitions.at(-1)?.detail).toBe('refunded by anna: came broken');
  });
});

describe('an order that cannot be had', () => {
  test('is refused before it is taken, naming every short line with what is there', async () => {
    const refusal = await refusalOf(
      whole.orders.createOrder({
        orderId: 'too-many',
        customerId: 'c-1',
        lines: [
          { reference: { case: 'sku', value: 'LAPTOP001' }, quantity: 100n },
          { reference: { case: 'productId', value: 'p-107' }, quantity: 1n },
          { reference: { case: 'productId', value: 'p-5' }, quantity: 21n },
        ],
      }),
    );
    expect(refusal).toEqual({
      reason: 'ORDER_REFUSED',
      violations: [
        'OUT_OF_STOCK: Not enough inventory for LAPTOP001. Available: 15, Requested: 100',
        'OUT_OF_STOCK: Not enough inventory for MONITOR001. Available: 20, Requested: 21',
      ],
    });
    expect(await refusalOf(whole.orders.getOrder({ orderId: 'too-many' }))).toMatchObject({
      reason: 'ORDER_NOT_FOUND',
    });
  });

  test('ends cancelled when it comes over Kafka: one short line among many holds nothing', async () => {
    const before = await whole.available('p-108');
    await send('short', { 'p-108': 1, 'p-2': 10_000, 'p-109': 1 });
    const order = await whole.ended('short');
    expect(order).toMatchObject({ state: Order_State.CANCELLED, cancelReason: CancelReason.OUT_OF_STOCK });
    expect(order.cancelDetail).toMatch(/p-2.*50.*10000|50 .*p-2.*10000/);
    expect(await whole.available('p-108')).toBe(before);
    expect(await ledgerOf('short')).toEqual({ charges: 0, refunds: 0 });
    const { reservation } = await whole.inventory.getReservation({ orderId: 'short' });
    expect(reservation?.state).toBe(Reservation_State.RELEASED);
  });

  test('is refused for an unknown product, an inactive customer and a negative price, all at once', async () => {
    const refusal = await refusalOf(
      whole.orders.createOrder({
        customerId: 'c-50',
        lines: [
          { reference: { case: 'productId', value: 'p-nothing' }, quantity: 1n },
          {
            reference: { case: 'productId', value: 'p-7' },
            quantity: 1n,
            quotedPrice: { currencyCode: 'USD', units: -1n },
          },
        ],
      }),
    );
    expect(refusal.reason).toBe('ORDER_REFUSED');
    expect(refusal.violations.map((violation) => violation.split(':')[0]).sort()).toEqual([
      'CUSTOMER_INACTIVE',
      'PRODUCT_NOT_FOUND',
      'QUOTED_PRICE_INVALID',
    ]);
  });
});

describe('one order id', () => {
  test('with the same content is the same order, however often and whichever way it comes', async () => {
    await whole.place({ orderId: 'again', lines: { 'p-110': 1 } });
    await whole.place({ orderId: 'again', lines: { 'p-110': 1 } });
    await send('again', { 'p-110': 1 });
    await whole.ended('again');
    expect(await ledgerOf('again')).toEqual({ charges: 1, refunds: 0 });
  });

  test('with other content is refused, and the first order is untouched', async () => {
    await whole.place({ orderId: 'taken', lines: { 'p-111': 1 } });
    expect(
      await refusalOf(
        whole.orders.createOrder(
          {
            orderId: 'taken',
            customerId: 'c-1',
            lines: [{ reference: { case: 'productId', value: 'p-111' }, quantity: 2n }],
          },
          { headers: { 'x-caller-id': 'test' } },
        ),
      ),
    ).toMatchObject({ reason: 'ORDER_ALREADY_EXISTS' });
    expect((await whole.ended('taken')).lines.map(({ quantity }) => quantity)).toEqual([1n]);
  });
});

describe('one request id', () => {
  const request = {
    customerId: 'c-2',
    lines: [{ reference: { case: 'productId' as const, value: 'p-112' }, quantity: 1n }],
    requestId: 'storm',
  };

  test('on 50 connections at once is one order, with 50 equal responses', async () => {
    const headers = { 'x-caller-id': 'storm' };
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => whole.orders.createOrder(request, { headers })),
    );
    expect(new Set(responses.map(({ order }) => order?.orderId)).size).toBe(1);
    expect(
      new Set(responses.map(({ order }) => JSON.stringify(order?.createTime?.seconds.toString()))).size,
    ).toBe(1);
    const { orders } = await whole.orders.listOrders({ customerId: 'c-2' });
    expect(orders).toHaveLength(1);
  });

  test('of another caller is another order, and with another body is refused', async () => {
    const other = await whole.orders.createOrder(request, { headers: { 'x-caller-id': 'another caller' } });
    const { orders } = await whole.orders.listOrders({ customerId: 'c-2' });
    expect(orders.map(({ orderId }) => orderId)).toContain(other.order?.orderId);
    expect(orders).toHaveLength(2);
    expect(
      await refusalOf(
        whole.orders.createOrder({ ...request, customerId: 'c-3' }, { headers: { 'x-caller-id': 'storm' } }),
      ),
    ).toMatchObject({ reason: 'REQUEST_ID_REUSED' });
  });
});

describe('an order that is cancelled', () => {
  test('before its decision is cancelled at once, and its record changes nothing afterwards', async () => {
    await whole.services['order-worker'].stop();
    await whole.place({ orderId: 'cancel-pending', lines: { 'p-113': 1 } });
    const { order } = await whole.orders.cancelOrder({ orderId: 'cancel-pending', reason: 'a mistake' });
    expect(order).toMatchObject({
      state: Order_State.CANCELLED,
      cancelReason: CancelReason.CLIENT_REQUEST,
      cancelDetail: 'a mistake',
    });
    await whole.services['order-worker'].start();
    await whole.place({ orderId: 'after-it', lines: { 'p-113': 1 } });
    await whole.ended('after-it');
    expect((await whole.order('cancel-pending')).state).toBe(Order_State.CANCELLED);
  });

  test('before its payment is undone: stock comes back, no money is kept, late responses revive nothing', async () => {
    const before = await whole.available('p-114');
    await whole.services.payment.stop();
    await whole.place({ orderId: 'cancel-reserved', lines: { 'p-114': 4 } });
    await whole.ended('cancel-reserved', Order_State.RESERVED);
    expect(await whole.available('p-114')).toBe(before - 4);
    const { order } = await whole.orders.cancelOrder({ orderId: 'cancel-reserved' });
    expect(order?.state).toBe(Order_State.CANCELLING);
    // Only now payment reads the order, and then its cancellation.
    await whole.services.payment.start();
    expect((await whole.ended('cancel-reserved')).state).toBe(Order_State.CANCELLED);
    expect(await whole.available('p-114')).toBe(before);
    const { charges, refunds } = await ledgerOf('cancel-reserved');
    expect(refunds).toBe(charges);
  });

  test('because its payment is declined says so; its stock comes back, and no money is kept', async () => {
    const gateway = whole.services['payment-gateway-stub'];
    const before = await whole.available('p-120');
    await gateway.stop();
    await gateway.start({ GATEWAY_DECLINED_PERCENT: '100' });
    try {
      await whole.place({ orderId: 'declined', lines: { 'p-120': 1 } });
      const order = await whole.ended('declined');
      expect(order).toMatchObject({
        state: Order_State.CANCELLED,
        cancelReason: CancelReason.PAYMENT_FAILED,
      });
    } finally {
      await gateway.stop();
      await gateway.start();
    }
    expect(await whole.available('p-120')).toBe(before);
    const { payment } = await whole.payments.getPaymentByOrder({ orderId: 'declined' });
    expect(payment?.state).toBe(Payment_State.FAILED);
  });

  test('again returns the order unchanged', async () => {
    const { order } = await whole.orders.cancelOrder({ orderId: 'cancel-reserved' });
    expect(order?.state).toBe(Order_State.CANCELLED);
  });

  test('after its completion is refused', async () => {
    expect(await refusalOf(whole.orders.cancelOrder({ orderId: 'well' }))).toMatchObject({
      reason: 'ORDER_NOT_CANCELLABLE',
    });
  });
});

describe('orders cancel and orders retry', () => {
  test('cancels as the person at the terminal, with the reason in the history', async () => {
    await whole.services['order-worker'].stop();
    try {
      await whole.place({ orderId: 'cancel-cli', lines: { 'p-118': 1 } });
      const { code, said } = await ordersCommand(whole.env, 'cancel', 'cancel-cli', '--reason', 'a test');
      expect(said).toMatch(/^cancel-cli is CANCELLED, because of CLIENT_REQUEST: a test$/m);
      expect(code).toBe(0);
    } finally {
      await whole.services['order-worker'].start();
    }
    const { transitions } = await whole.orders.getOrderHistory({ orderId: 'cancel-cli' });
    expect(transitions.at(-1)?.cause).toMatch(/^CancelOrder by .+@.+$/);
  });

  test('says what the API says when there is nothing to retry', async () => {
    expect(await ordersCommand(whole.env, 'retry', 'well')).toEqual({
      code: 1,
      said: 'The order API refuses: order well does not need attention',
    });
  });
});

test('orders stuck lists an overdue order, and its blockers', async () => {
  await whole.services['order-saga'].stop();
  try {
    await whole.place({ orderId: 'overdue', lines: { 'p-119': 1 } });
    await eventually(async () => {
      const { said } = await ordersCommand(whole.env, 'show', 'overdue');
      expect(said).toMatch(/^Inventory: RESERVED/m);
      expect(said).toMatch(/^Nothing is in flight\.$/m);
    });
    await whole.stores.query(
      `update orders set deadline_time = now() - interval '2 minutes' where id = 'overdue'`,
    );
    const { code, said } = await ordersCommand(whole.env, 'stuck');
    expect(code).toBe(0);
    expect(said).toMatch(/^No order needs attention\.$/m);
    expect(said).toMatch(/^1 orders are overdue:$/m);
    expect(said).toMatch(/^overdue +ACCEPTED +\d{4}-.* published$/m);
    expect(said).toMatch(/^ {2}\d+ records of inventory-events, partition \d, not read by order-saga$/m);
    expect((await ordersCommand(whole.env, 'show', 'overdue')).said).toMatch(
      /^ {2}its deadline .* has PASSED/m,
    );
  } finally {
    await whole.services['order-saga'].start();
  }
  expect((await whole.ended('overdue')).state).toBe(Order_State.COMPLETED);
  expect((await ordersCommand(whole.env, 'stuck')).said).toBe('No order needs attention.');
});

describe('orders show', () => {
  test('says what was decided at which prices, and each step', async () => {
    const { code, said } = await ordersCommand(whole.env, 'show', 'well');
    expect(code).toBe(0);
    expect(said).toMatch(/^Decision: ACCEPTED .*, of the record orders\/\d+\/\d+$/m);
    expect(said).toMatch(/^p-101 +\S+ +2 +\d+\.\d\d +- +\d+\.\d\d$/m);
    expect(said).toMatch(/^ {2}\d+\.\d\d and 8 % tax \d+\.\d\d: \d+\.\d\d USD$/m);
    expect(said).toMatch(/^5 .* COMPLETED +OrderCompleted/m);
    expect(said).toMatch(/^Payment: PROCESSED since .*, \d+\.\d\d USD$/m);
  });

  test('says who created it, and which mails its customer gets', async () => {
    const shown = await eventually(async () => {
      const { said } = await ordersCommand(whole.env, 'show', 'well');
      // There is no mail server here, so its state says nothing.
      expect(said).toMatch(/^COMPLETED +[A-Z]+ +\d+ +20/m);
      return said;
    });
    expect(shown).toMatch(/^CONFIRMED +[A-Z]+ +\d+ +20/m);
    expect(shown).toMatch(/^1 .* PENDING +- +CreateOrder by \S+/m);
  });

  test('says who requested the refund, and why', async () => {
    const { said } = await ordersCommand(whole.env, 'show', 'refund');
    expect(said).toMatch(/^refund is COMPLETED, refunded$/m);
    expect(said).toMatch(/^Payment: REFUNDED since .*, refund requested by anna: came broken$/m);
  });

  test('says why an order was rejected', async () => {
    await send('refused', { 'p-nothing': 1 }, 'c-50');
    await whole.ended('refused');
    const { said } = await ordersCommand(whole.env, 'show', 'refused');
    expect(said).toMatch(/^ {2}CUSTOMER_INACTIVE \(customer_id\): /m);
    expect(said).toMatch(/^ {2}PRODUCT_NOT_FOUND \(lines\[0\].*\): /m);
    expect(said).toMatch(/^Inventory: no reservation\.$/m);
    expect(said).toMatch(/^No dead letters\.$/m);
  });

  test('says the dead letters that name it', async () => {
    await whole.place({ orderId: 'claimed', lines: { 'p-117': 1 } });
    await whole.ended('claimed');
    await send('claimed', { 'p-117': 2 });
    const shown = await eventually(async () => {
      const { said } = await ordersCommand(whole.env, 'show', 'claimed');
      expect(said).toContain('Dead letters');
      return said;
    });
    expect(shown).toMatch(/^orders +order-worker +\d\/\d+ .* ORDER_ID_CONFLICT +1 +order claimed exists/m);
    expect(shown).toMatch(/^claimed is COMPLETED$/m);
  });

  test('says of an order that does not exist why that may be, and that there is nothing else', async () => {
    await eventually(async () => {
      expect(await ordersCommand(whole.env, 'show', 'nowhere')).toEqual({
        code: 1,
        said: expect.stringMatching(/^No dead letters\.\nOrder nowhere does not exist: its record could not/),
      });
    });
  });

  test('says who is awaited, and since when', async () => {
    await whole.services.payment.stop();
    try {
      await whole.place({ orderId: 'awaits', lines: { 'p-116': 1 } });
      await whole.ended('awaits', Order_State.RESERVED);
      const { said } = await ordersCommand(whole.env, 'show', 'awaits');
      expect(said).toMatch(/^ {2}waits for payment to charge it, since \d{4}-/m);
      expect(said).toMatch(/^ {2}its deadline is \d{4}-/m);
    } finally {
      await whole.services.payment.start();
    }
  });

  test('says what it can when a store is unavailable, names the one that is, and fails', async () => {
    const nowhere = { ...whole.env, MONGO_URL: 'mongodb://127.0.0.1:1' };
    const { code, said } = await ordersCommand(nowhere, 'show', 'well');
    expect(code).toBe(1);
    expect(said).toMatch(/^well is COMPLETED$/m);
    expect(said).toMatch(/^Inventory: COMMITTED since/m);
    expect(said).toMatch(/^Payment: PROCESSED since/m);
    expect(said).toMatch(/^Document: MongoDB is unavailable: .*MONGO_URL.*ECONNREFUSED/m);
    expect(said).toMatch(/^Nothing is in flight\.$/m);
    expect(said).toMatch(/^This could not be read: Document\.$/m);
  });

  test('says what MongoDB shows when Postgres is unavailable', async () => {
    const nowhere = { ...whole.env, POSTGRES_URL: 'postgres://postgres@127.0.0.1:1' };
    const { code, said } = await ordersCommand(nowhere, 'show', 'well');
    expect(code).toBe(1);
    expect(said).toMatch(/^Order: Postgres is unavailable: .*POSTGRES_URL/m);
    expect(said).toMatch(/^Document: has COMPLETED$/m);
    expect(said).toMatch(/^This could not be read: Order, /m);
  });
});

describe('the order count of a customer', () => {
  const countOf = async (customerId: string) => {
    const response = await fetch(`${whole.services['order-api'].url}/customers/${customerId}`);
    return ((await response.json()) as { orderCount?: number }).orderCount;
  };

  test('is that of accepted orders; counting leaves the cache entry, a change of the customer drops it', async () => {
    const redis = new Redis(whole.env['REDIS_URL'] ?? '');
    const entry = () => redis.getBuffer(`${whole.env['TOPIC_PREFIX']}enrichment:{customer:c-301}`);
    try {
      await whole.place({ orderId: 'counted-1', customerId: 'c-301', lines: { 'p-116': 1 } });
      await whole.ended('counted-1');
      await eventually(async () => expect(await countOf('c-301')).toBe(1));
      const cached = await entry();
      expect(cached).not.toBeNull();
      await whole.place({ orderId: 'counted-2', customerId: 'c-301', lines: { 'p-116': 1 } });
      // Cancelled because one line is short: it was accepted before.
      await send('counted-3', { 'p-116': 5_000 }, 'c-301');
      await send('not-counted', { 'p-unknown': 1 }, 'c-301');
      expect((await whole.ended('counted-3')).state).toBe(Order_State.CANCELLED);
      expect((await whole.ended('not-counted')).state).toBe(Order_State.REJECTED);
      await eventually(async () => expect(await countOf('c-301')).toBe(3));
      expect(await entry()).toEqual(cached);

      await fetch(`${whole.services['order-api'].url}/customers/c-301`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'New Name' }),
      });
      await eventually(async () => expect(await entry()).toBeNull());
      expect(await countOf('c-301')).toBe(3);
    } finally {
      redis.disconnect();
    }
  });

  test('is compared by orders check, which finds one that is wrong and an order that is not counted', async () => {
    const enrichment = (sql: string) => whole.stores.query(sql, [], 'enrichment');
    await enrichment(`update order_count set orders = orders + 1 where customer_id = 'c-301'`);
    await enrichment(`delete from counted_order where order_id = 'counted-3'`);
    const found = await ordersCommand(whole.env, 'check');
    expect(found.code).toBe(1);
    expect(found.said).toMatch(/^ +counted-3: accepted, and not counted for c-301$/m);
    expect(found.said).toMatch(/^ +c-301: 4 instead of 2 orders$/m);

    // As the runbook says.
    await enrichment(`truncate counted_order, order_count`);
    await enrichment(`update order_backfill set page_token = '', done = false`);
    await whole.services['enrichment-stub'].stop();
    await whole.services['enrichment-stub'].start();
    await eventually(async () => expect(await countOf('c-301')).toBe(3), { timeoutMs: 30_000 });
  });
});

test('while Kafka, Redis, MongoDB and all other services are unavailable the API takes orders; they are completed later', async () => {
  await Promise.all(orderPath.map((name) => whole.services[name].stop()));
  const ids = Array.from({ length: 20 }, (_, index) => `alone-${index}`);
  for (const orderId of ids) await whole.place({ orderId, lines: { 'p-115': 1 } });
  await whole.start(orderPath);
  for (const orderId of ids) expect((await whole.ended(orderId)).state).toBe(Order_State.COMPLETED);
});

test('every record on the topics of events is as /asyncapi.json says, and every event was there', async () => {
  const response = await fetch(`${whole.services['order-api'].url}/asyncapi.json`);
  const { problems, seen } = await compareWithDocument(whole.stores, (await response.json()) as JsonObject);
  expect(problems).toEqual([]);
  expect(await topicsUnlike(whole.env)).toEqual([]);
  const published = events.filter(({ topic }) => topic !== topics.orders);
  expect(published.map(({ desc }) => desc.typeName).filter((name) => !seen.has(name))).toEqual([]);
});

test('in the end all stores agree, and every response that a caller got is true', async () => {
  await whole.expectSound();
});
