import { fromBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { topics } from '@orderflow/contracts';
import { CustomerUpdatedSchema } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { readPrices } from '@orderflow/local/catalogue';
import { makeOrders } from '@orderflow/local/orders';
import type { TopicRecord } from '@orderflow/local/stores';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import {
  createTestSystem,
  decidedCount,
  expectAllSettled,
  sendOrders,
  startAndCrash,
} from '../src/test-system.ts';

/** Records of one id must be the same bytes under the same key, so that repeats can be recognised. */
function expectRepeatsOnly(records: readonly TopicRecord[]): void {
  const contents = new Map<string | undefined, Set<string>>();
  for (const { headers, key, value } of records) {
    const id = headers['ce_id'];
    const known = contents.get(id) ?? new Set();
    contents.set(id, known.add(`${key} ${value?.toString('base64')}`));
  }
  expect([...contents].filter(([, { size }]) => size > 1)).toEqual([]);
}

test.concurrent('no event is lost when the relay is killed between ack and delete, and again in its recovery', async () => {
  // A full outbox goes out in batches of 500: the first one is deleted, the second one sent and not deleted, twice.
  const passages = [2, 1];
  const repeats = 1_000;
  await using system = await createTestSystem('relay-after-ack');
  const { stores, services } = system;
  await services['enrichment-stub'].start();
  await Promise.all([services['order-worker'].start(), services['order-view'].start()]);
  const prices = await readPrices(services['enrichment-stub'].url);
  // 1,200 of these can be read.
  const orders = makeOrders({ prefix: 'relay', count: 1_212, prices });
  await sendOrders(stores, orders);
  await eventually(async () => (await decidedCount(stores)) === 1_200, { timeoutMs: 60_000 });

  const relay = services['order-relay'];
  for (const passage of passages) await startAndCrash(relay, `relay-after-ack#${passage}`);
  await relay.start();
  const { eventRecords } = await expectAllSettled(stores, orders);
  expect(eventRecords).toBe(1_200 + repeats);
  expectRepeatsOnly(await stores.readTopic(topics.orderEvents));
});

test.concurrent('events of one key keep their order when their relay is killed again and again', async () => {
  await using system = await createTestSystem('relay-after-ack-order');
  const stub = system.services['enrichment-stub'];
  const customerIds = ['c-1', 'c-2', 'c-3', 'c-4', 'c-5', 'c-6'];
  const updates = 20;

  async function updateAll(): Promise<void> {
    const transport = createConnectTransport({ baseUrl: stub.url, httpVersion: '1.1' });
    const client = createClient(CustomerService, transport);
    for (let update = 0; update < updates; update += 1) {
      for (const customerId of customerIds) {
        const customer = {
          customerId,
          name: `Name ${update}`,
          email: `${customerId}@example.com`,
          active: true,
        };
        const request = { customer, requestId: `${customerId}-${update}` };
        // Repeats with the same request id do nothing more.
        await eventually(() => client.updateCustomer(request), { timeoutMs: 60_000 });
      }
    }
  }

  const updated = updateAll();
  try {
    await startAndCrash(stub, 'relay-after-ack#5');
    // The lease of the dead relay has to run out first: by then there is a backlog with many events of each key.
    await startAndCrash(stub, 'relay-after-ack#1');
    await stub.start();
  } finally {
    await updated;
  }

  const records = await eventually(
    async () => {
      const all = await system.stores.readTopic(topics.customerEvents);
      expect(new Set(all.map(({ headers }) => headers['ce_id'])).size).toBe(customerIds.length * updates);
      return all;
    },
    { timeoutMs: 30_000, intervalMs: 500 },
  );
  expect(records.length).toBeGreaterThan(customerIds.length * updates);
  expectRepeatsOnly(records);
  const distinct = [
    ...new Map(records.toReversed().map((record) => [record.headers['ce_id'], record])).values(),
  ];
  for (const customerId of customerIds) {
    const versions = distinct
      .toReversed()
      .map(({ value }) => fromBinary(CustomerUpdatedSchema, value ?? new Uint8Array()))
      .filter((event) => event.customerId === customerId)
      .map(({ version }) => Number(version));
    expect(versions).toEqual(Array.from({ length: updates }, (_, index) => index + 2));
  }
});
