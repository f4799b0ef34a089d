import { Code, ConnectError } from '@connectrpc/connect';
import {
  Notification_Kind as Kind,
  Notification_State as State,
} from '@orderflow/contracts/orderflow/notification/v1/notification';
import { errorReason } from '@orderflow/rpc';
import { createLogger } from '@orderflow/runtime';
import { uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../src/domain/delivery.ts';
import { mailContentExpiry } from '../src/outbound/postgres/mail-upkeep.ts';
import {
  quietLogger,
  recordingMailServer,
  runNotification,
  type Surroundings,
  startSurroundings,
} from './running-notification.ts';

let around: Surroundings;
let running: Awaited<ReturnType<typeof runNotification>>;
const server = recordingMailServer();
const acceptAll = server.respond;
const log: string[] = [];

beforeAll(async () => {
  around = await startSurroundings();
  const logger = createLogger({
    service: 'test',
    level: 'debug',
    destination: { write: (line) => void log.push(line) },
  });
  running = await runNotification(around.env, { mailServer: server, logger });
});
afterAll(async () => {
  await running?.stop();
  await around?.close();
});
beforeEach(() => {
  server.respond = acceptAll;
});

const newOrder = () => uniqueName('o');
const reply = (kind: Outcome['kind'], detail: string = kind) => ({ kind, detail });

test('the migrations make the tables that the entities describe', async () => {
  expect(await around.orm.schema.getUpdateSchemaSQL()).toBe('');
});

test('every kind is mailed once, to the address that the customer has, and other events are skipped', async () => {
  const order = newOrder();
  const { accepted, confirmed, completed, cancelled, rejected, refunded } = around.events;
  // In no particular order, and twice: what a customer gets does not depend on it.
  for (const event of [completed, refunded, accepted, confirmed, rejected, cancelled, confirmed, refunded]) {
    await event(order);
  }
  const kinds = ['confirmed', 'completed', 'cancelled', 'rejected', 'refunded'];
  for (const kind of kinds) {
    const sent = await running.untilState(`${order}.${kind}`, State.SENT);
    expect(sent).toMatchObject({ orderId: order, customerId: 'c-1', attempts: 1, lastDetail: '250 ok' });
    expect(sent.nextAttemptTime).toBeUndefined();
    expect(sent.subject).not.toBe('');
    expect(sent.text).toContain('Ada');
    const messages = server.of(`${order}.${kind}`);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(`<${order}.${kind}@shop.example>`);
  }
  const { notifications } = await running.notifications.listNotifications({ orderId: order });
  expect(notifications.map(({ notificationId }) => notificationId.split('.').at(-1)).sort()).toEqual(
    kinds.toSorted(),
  );
  expect(new Set(server.delivered.map(({ to }) => to))).toEqual(new Set(['ada@example.com']));
});

describe('what is not sent', () => {
  test.each([
    ['unknown', 'c-none', undefined, 'the customer does not exist'],
    ['without an address', 'c-no', '', 'the customer has no address'],
    ['with two addresses', 'c-two', 'a@example.com, b@example.com', 'the address of the customer is invalid'],
    ['with a second line', 'c-line', 'a@example.com\r\nBcc: b', 'the address of the customer is invalid'],
  ])('a mail to a customer %s is skipped, and says so', async (_, customerId, email, detail) => {
    const order = newOrder();
    if (email !== undefined) around.services.customers.set(customerId, { name: 'Bo', email });
    await around.events.completed(order, { customerId });
    const skipped = await running.untilState(`${order}.completed`, State.SKIPPED);
    expect(skipped).toMatchObject({ lastDetail: detail, attempts: 0 });
    expect(server.of(`${order}.completed`)).toEqual([]);
  });

  test('an event that is too old, or names no possible customer, or an order that the customer has not', async () => {
    const [old, odd, unknown, foreign] = [newOrder(), newOrder(), newOrder(), newOrder()];
    around.services.customers.set('c-eve', { name: 'Eve', email: 'eve@example.com' });
    around.services.unknownOrders.add(unknown);
    await around.events.confirmed(old, { confirmTime: new Date(Date.now() - 25 * 3_600_000) });
    await around.events.rejected(odd, { customerId: '\0'.repeat(300) });
    await around.events.confirmed(unknown);
    await around.events.confirmed(foreign, { customerId: 'c-eve' });
    const ids = [`${old}.confirmed`, `${odd}.rejected`, `${unknown}.confirmed`, `${foreign}.confirmed`];
    const details = ids.map(async (id) => (await running.untilState(id, State.SKIPPED)).lastDetail);
    expect(await Promise.all(details)).toEqual([
      'the event is too old',
      'the order names no customer that can exist',
      'the customer has no such order',
      'the customer has no such order',
    ]);
  });
});

describe('while a service is unavailable', () => {
  test.each(['customers', 'orders'] as const)(
    '%s: mails wait, and are sent when it is back',
    async (name) => {
      const order = newOrder();
      around.services.down[name] = true;
      await around.events.confirmed(order);
      await running.until(`${order}.confirmed`, ({ lastDetail }) => lastDetail !== '');
      expect((await running.health.ready()).ready).toBe(true);
      around.services.down[name] = false;
      await running.untilState(`${order}.confirmed`, State.SENT);
      expect(server.of(`${order}.confirmed`)).toHaveLength(1);
    },
  );

  test('a customer service that leaves customers out does not make them unknown', async () => {
    const order = newOrder();
    around.services.isLying = true;
    await around.events.completed(order);
    await running.until(`${order}.completed`, ({ lastDetail }) => lastDetail !== '');
    around.services.isLying = false;
    await running.untilState(`${order}.completed`, State.SENT);
  });
});

describe('what the mail server says', () => {
  test('deferred and unreachable: the same bytes again, until they are accepted', async () => {
    const order = newOrder();
    const id = `${order}.completed`;
    for (const kind of ['deferred', 'unreachable'] as const) {
      server.respond = () => reply(kind, `451 <ada@example.com> not now`);
      if (kind === 'deferred') await around.events.completed(order);
      else await around.makeDue(id);
      const { attempts, lastDetail } = await running.until(
        id,
        ({ state, attempts }) => state === State.READY && attempts === (kind === 'deferred' ? 1 : 2),
      );
      expect(attempts).toBeLessThan(3);
      expect(lastDetail).toBe('451 <(address)> not now');
    }
    expect((await running.health.ready()).ready).toBe(true);
    server.respond = acceptAll;
    await around.makeDue(id);
    expect((await running.untilState(id, State.SENT)).attempts).toBe(3);
    expect(new Set(server.of(id)).size).toBe(1);
    expect(server.of(id)).toHaveLength(3);
  });

  test('refused: it needs attention, and is not sent again', async () => {
    const order = newOrder();
    server.respond = () => reply('refused', '550 no such mailbox: ada@example.com');
    await around.events.completed(order);
    const failed = await running.untilState(`${order}.completed`, State.FAILED);
    expect(failed).toMatchObject({ attempts: 1, lastDetail: '550 no such mailbox: (address)' });
    const { notifications } = await running.notifications.listNotifications({ state: State.FAILED });
    expect(notifications.map(({ notificationId }) => notificationId)).toContain(`${order}.completed`);
    const metrics = await (await fetch(`${running.url}/metrics`)).text();
    expect(metrics).toMatch(/orderflow_mails_waiting\{.*state="failed".*\} [1-9]/);
  });

  test('unknown: one repeat after ten minutes, the same bytes, and no third', async () => {
    const order = newOrder();
    const id = `${order}.completed`;
    server.respond = () => reply('unknown');
    await around.events.completed(order);
    const once = await running.until(id, ({ state, attempts }) => state === State.READY && attempts === 1);
    const waitS = Number(once.nextAttemptTime?.seconds) - Number(once.updateTime?.seconds);
    expect(waitS).toBeGreaterThanOrEqual(599);
    await around.makeDue(id);
    const { lastDetail } = await running.untilState(id, State.FAILED);
    expect(lastDetail).toBe('two attempts may have delivered it: unknown');
    expect(server.of(id)).toHaveLength(2);
    expect(new Set(server.of(id)).size).toBe(1);
  });

  test('a mail that was not accepted in time is given up', async () => {
    const order = newOrder();
    const id = `${order}.completed`;
    server.respond = () => reply('deferred', '451 later');
    await around.events.completed(order);
    await running.until(id, ({ state, attempts }) => state === State.READY && attempts === 1);
    await around.database.query(`update mail set give_up_time = now() - interval '1 second' where id = $1`, [
      id,
    ]);
    await around.makeDue(id);
    const { lastDetail } = await running.untilState(id, State.FAILED);
    expect(lastDetail).toBe('not accepted in time: 451 later');
    expect(server.of(id)).toHaveLength(1);
  });
});

test('two instances share the work: each mail is sent once', async () => {
  const second = await runNotification(around.env, { mailServer: server });
  const orders = Array.from({ length: 60 }, newOrder);
  await Promise.all(
    orders.flatMap((order) => [around.events.confirmed(order), around.events.completed(order)]),
  );
  for (const order of orders) {
    for (const kind of ['confirmed', 'completed']) {
      await running.untilState(`${order}.${kind}`, State.SENT);
      expect(server.of(`${order}.${kind}`)).toHaveLength(1);
    }
  }
  await second.stop();
});

describe('SendNotification', () => {
  const reasonOf = async (call: Promise<unknown>) => {
    const error = await call.then(
      () => undefined,
      (thrown) => thrown,
    );
    return [errorReason(error), Code[ConnectError.from(error).code]];
  };

  test('sends a message once, however often it is requested', async () => {
    const request = { customerId: 'c-1', subject: 'Your <parcel>', message: 'It is on its way.' };
    const repeatable = { ...request, requestId: uniqueName('r') };
    const send = () => running.notifications.sendNotification(repeatable);
    const [first, second] = await Promise.all([send(), send()]);
    const id = first.notification?.notificationId ?? '';
    expect(first.notification).toMatchObject({
      kind: Kind.MESSAGE,
      state: State.NEW,
      subject: request.subject,
    });
    expect(second).toEqual(first);
    const { text } = await running.untilState(id, State.SENT);
    expect(text).toContain(request.message);
    around.services.down.customers = true;
    expect(await send()).toEqual(first);
    expect(await reasonOf(running.notifications.sendNotification(request))).toEqual([
      'DEPENDENCY_UNAVAILABLE',
      'Unavailable',
    ]);
    around.services.down.customers = false;
    expect(server.of(id)).toHaveLength(1);
  });

  test('refuses what cannot be mailed', async () => {
    const valid = { customerId: 'c-1', subject: 'S', message: 'M' };
    around.services.customers.set('c-no', { name: 'Bo', email: '' });
    const outcomes = [
      { ...valid, customerId: 'c-none' },
      { ...valid, customerId: 'c-no' },
      { ...valid, subject: 'S\r\nBcc: b@example.com' },
      { ...valid, subject: 'S'.repeat(201) },
      { ...valid, message: '' },
      { ...valid, message: 'M'.repeat(10_001) },
    ].map(async (request) => reasonOf(running.notifications.sendNotification(request)));
    expect(await Promise.all(outcomes)).toEqual([
      ['CUSTOMER_NOT_FOUND', 'NotFound'],
      ['CUSTOMER_WITHOUT_ADDRESS', 'FailedPrecondition'],
      ...Array.from({ length: 4 }, () => ['INVALID_REQUEST', 'InvalidArgument']),
    ]);
    const unknown = running.notifications.getNotification({ notificationId: 'o-0.confirmed' });
    expect(await reasonOf(unknown)).toEqual(['NOTIFICATION_NOT_FOUND', 'NotFound']);
  });

  test('is a path of REST, and its notification another', async () => {
    const response = await fetch(`${running.url}/notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ customer_id: 'c-1', subject: 'S', message: 'M' }),
    });
    expect(response.status).toBe(200);
    const { notificationId: id } = (await response.json()) as { notificationId: string };
    await running.untilState(id, State.SENT);
    const found = await (await fetch(`${running.url}/notifications/${id}`)).json();
    expect(found).toMatchObject({ notificationId: id, kind: 'MESSAGE', state: 'SENT' });
  });
});

test('ListNotifications goes through all pages, newest first', async () => {
  const customerId = uniqueName('c');
  around.services.customers.set(customerId, { name: 'Cy', email: 'cy@example.com' });
  const orders = [newOrder(), newOrder(), newOrder()];
  for (const order of orders) {
    await around.events.completed(order, { customerId });
    await running.untilState(`${order}.completed`, State.SENT);
  }
  const ids: string[] = [];
  let pageToken = '';
  do {
    const filters = { customerId, kind: Kind.COMPLETED, state: State.SENT };
    const page = await running.notifications.listNotifications({ ...filters, pageSize: 2, pageToken });
    for (const { notificationId, text } of page.notifications) {
      expect(text).toBe('');
      ids.push(notificationId);
    }
    ({ nextPageToken: pageToken } = page);
  } while (pageToken !== '');
  expect(ids).toEqual(orders.map((order) => `${order}.completed`).toReversed());
});

test('a record that cannot be read does not stop those after it', async () => {
  const order = newOrder();
  await around.producer.send([
    {
      topic: 'order-events',
      key: order,
      value: Buffer.from('no protobuf'),
      headers: { ce_type: 'orderflow.order.event.v1.OrderCompleted' },
    },
  ]);
  await around.events.completed(order);
  await running.untilState(`${order}.completed`, State.SENT);
});

test('content and address of ended mails are cleared after 30 days, and the mail is still known', async () => {
  const [ended, waiting] = [newOrder(), newOrder()];
  server.respond = (id) => (id.startsWith(waiting) ? reply('deferred') : acceptAll(id));
  await around.events.completed(ended);
  await around.events.completed(waiting);
  await running.untilState(`${ended}.completed`, State.SENT);
  await running.until(
    `${waiting}.completed`,
    ({ state, attempts }) => state === State.READY && attempts === 1,
  );
  const inAMonth = () => new Date(Date.now() + 31 * 86_400_000);
  const { database } = around;
  const expiry = mailContentExpiry({ database, now: inAMonth, logger: quietLogger, everyMs: 20 });
  await expiry.start();
  await running.until(`${ended}.completed`, ({ text }) => text === '');
  await expiry.stop();
  const rows = await database.query<{ id: string; content: string | null }>(
    'select id, draft || recipient || subject || body || length(message) as content from mail where order_id = any($1)',
    [[ended, waiting]],
  );
  const contentOf = new Map(rows.map(({ id, content }) => [id, content]));
  expect(contentOf.get(`${ended}.completed`)).toBeNull();
  expect(contentOf.get(`${waiting}.completed`)).toContain('ada@example.com');
  await around.events.completed(ended);
  await around.events.cancelled(ended);
  await running.untilState(`${ended}.cancelled`, State.SENT);
  expect(server.of(`${ended}.completed`)).toHaveLength(1);
});

test('no address is in a log line', () => {
  expect(log.length).toBeGreaterThan(20);
  expect(log.filter((line) => /\w@example\.com/.test(line))).toEqual([]);
});
