import { Code } from '@connectrpc/connect';
import { eventually, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accepted, followers, orderTopic } from './order-events.ts';
import { readCustomerEvents, runStub, testConfig } from './running-stub.ts';

const config = testConfig();
let stub: Awaited<ReturnType<typeof runStub>>;
let topic: Awaited<ReturnType<typeof orderTopic>>;

beforeAll(async () => {
  stub = await runStub(config);
  topic = await orderTopic(config);
});

afterAll(async () => {
  await topic[Symbol.asyncDispose]();
  await stub.stop();
});

const countOf = async (customerId: string) =>
  (await stub.customers.getCustomer({ customerId })).customer?.orderCount;

test('an order is counted once, however often its events come, and only when it is accepted', async () => {
  const [one, two] = [uniqueName('o'), uniqueName('o')];
  expect(await countOf('c-11')).toBe(0n);
  await topic.send(...followers(one), accepted(one, 'c-11'), accepted(one, 'c-11'), ...followers(one));
  await topic.send(...followers(uniqueName('o')), accepted(one, 'c-11'));
  await topic.send(accepted(two, 'c-11'), accepted(uniqueName('o'), 'c-12'), accepted(one, 'c-11'));
  await eventually(async () => expect(await topic.isRead()).toBe(true));
  expect([await countOf('c-11'), await countOf('c-12')]).toEqual([2n, 1n]);
});

test('an order stays that of the customer for whom it was counted first', async () => {
  const order = uniqueName('o');
  await topic.send(accepted(order, 'c-13'), accepted(order, 'c-14'));
  await eventually(async () => expect(await topic.isRead()).toBe(true));
  expect([await countOf('c-13'), await countOf('c-14')]).toEqual([1n, 0n]);
});

test('the count is in GET and in lists; responses that are cached or stored have none', async () => {
  const customerId = uniqueName('C');
  // Orders may be counted before their customer is known here.
  await topic.send(accepted(uniqueName('o'), customerId), accepted(uniqueName('o'), customerId));
  await eventually(async () => expect(await topic.isRead()).toBe(true));
  await expect(countOf(customerId)).rejects.toMatchObject({ code: Code.NotFound });

  const content = { customerId, name: 'Ada Chen' };
  const put = await stub.customers.putCustomer({ customer: content });
  const updated = await stub.customers.updateCustomer({ customer: { ...content, orderCount: 70n } });
  const { customers: batch } = await stub.customers.batchGetCustomers({ customerIds: [customerId] });
  for (const customer of [put.customer, updated.customer, ...batch]) {
    expect(customer).toMatchObject({ name: 'Ada Chen' });
    expect(customer?.orderCount).toBeUndefined();
  }

  const { customers } = await stub.customers.listCustomers({ pageSize: 1 });
  expect(customers).toMatchObject([{ customerId, orderCount: 2n }]);
  const response = await fetch(`${stub.baseUrl}/customers/${customerId}`);
  const body = (await response.json()) as Record<string, unknown>;
  expect(body).toMatchObject({ customerId, orderCount: 2 });
  // What was read can be sent back, the count changes nothing.
  const headers = { 'content-type': 'application/json' };
  const method = 'PUT';
  const sent = await fetch(response.url, {
    method,
    headers,
    body: JSON.stringify({ ...body, orderCount: 9 }),
  });
  expect(sent.status).toBe(200);
  expect(await countOf(customerId)).toBe(2n);
});

test('counting publishes no change of the customer, and leaves the version', async () => {
  const events = await readCustomerEvents(config);
  const before = (await stub.customers.getCustomer({ customerId: 'c-21' })).customer;
  await topic.send(accepted(uniqueName('o'), 'c-21'));
  await eventually(async () => expect(await countOf('c-21')).toBe(1n));
  const { customer } = await stub.customers.getCustomer({ customerId: 'c-21' });
  expect(customer).toEqual({ ...before, orderCount: 1n });
  // The outbox is one sequence: what counting had published would have come before this.
  await stub.customers.putCustomer({ customer: { customerId: 'c-22', name: 'Changed' } });
  const ids = () => events.records.map(({ headers }) => headers['ce_id']);
  await eventually(() => expect(ids()).toContain('c-22/2'));
  expect(ids().filter((id) => id?.startsWith('c-21/'))).toEqual([]);
  await events.stop();
});

test('an unreadable event is a dead letter, and those around it are counted', async () => {
  const good = accepted(uniqueName('o'), 'c-31');
  const unreadable = { ...good, value: Buffer.from('nonsense') };
  const before = topic.letters.length;
  const bad = [
    unreadable,
    accepted('', 'c-31'),
    accepted(uniqueName('o'), ''),
    accepted(uniqueName('o'), '\0'),
  ];
  await topic.send(...bad.map((record) => ({ ...record, key: good.key })), good);
  await eventually(() => expect(topic.letters).toHaveLength(before + bad.length));
  expect(new Set(topic.letters.map(({ headers }) => headers['dlq_reason']))).toEqual(
    new Set(['MALFORMED_PROTOBUF']),
  );
  await eventually(async () => expect(await countOf('c-31')).toBe(1n));
});
