import { groups, readers, topics } from '@orderflow/contracts';
import { InventoryReservedSchema } from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import {
  OrderAcceptedSchema,
  OrderCompletedSchema,
  OrderConfirmedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { recordOf } from '@orderflow/local/orders';
import type { TopicRecord } from '@orderflow/local/stores';
import { orderPath, type Service, sumOf } from '@orderflow/local/system';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { untilCaughtUp } from '../src/caught-up.ts';
import { startSteadyLoad } from '../src/steady-load.ts';
import { createSecondSystem } from '../src/test-system.ts';
import { startWhole, type Whole } from '../src/whole.ts';

/** Everything that there can be two of. */
const doubled = ['order-api', ...orderPath] as const;

/** Who reads which topic. Customers do not change here, and the enrichment stub, which counts their orders, is not stopped. */
const others: readonly string[] = [groups.orderCache, groups.customers, groups.notification];
const orderReaders = readers.filter(([, group]) => !others.includes(group));

let whole: Whole;

beforeAll(async () => {
  // Small batches: a stop finds one running. No process dies here: the session lasts as long as in production.
  whole = await startWhole('whole-rolling-restart', { SLICE_SIZE: '10', KAFKA_SESSION_TIMEOUT: '30s' });
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
});

test('a consumer that is asked to stop at its work has committed all that it has handled', async () => {
  // One all the way, so that each of them has done something of every kind.
  await whole.place({ orderId: 'first', lines: { 'p-701': 1 } });
  await whole.ended('first');
  await untilCaughtUp(whole.stores, orderReaders, 60_000);
  // Each is stopped while those that it hears from still work.
  const consumers = ['order-view', 'order-saga', 'payment', 'inventory', 'order-worker'] as const;
  for (const name of consumers) {
    const service = whole.services[name];
    const before = await consumed(service);
    // The worker is fast, and its rejections cause no further work.
    if (name === 'order-worker') await sendMany(name, 600, 'c-nobody');
    else await sendMany(name, 60, 'c-1');
    // The view also gets the decisions, and has nothing to do for them.
    const some = name === 'order-view' ? 60 : 20;
    const isAtWork = async () => (await consumed(service)) > before + some;
    await eventually(isAtWork, { timeoutMs: 60_000, intervalMs: 10 });
    await stopGracefully(service);
  }
  const lags = await Promise.all(orderReaders.map(([topic, group]) => whole.stores.lag(topic, group)));
  const handled = await handledRecords();
  await whole.start(consumers);
  expect(Math.min(...lags)).toBeGreaterThan(0);
  expect(handled).toEqual({ committed: orderReaders.map(() => true), notCommitted: [] });
  await whole.expectSound();
  for (const name of consumers) expect(await repeats(whole.services[name])).toBe(0);
  await expectNothingTwice();
});

async function consumed(service: Service): Promise<number> {
  return sumOf(await service.metrics(), 'orderflow_records_consumed_total');
}

async function sendMany(prefix: string, count: number, customerId: string): Promise<void> {
  const records = Array.from({ length: count }, (_, index) => {
    const lines = [{ productId: `p-${701 + (index % 40)}`, quantity: 1 }];
    return recordOf({ orderId: `${prefix}-${index}`, customerId, lines }, 'protobuf');
  });
  await whole.stores.send(records);
}

async function stopGracefully(service: Service): Promise<void> {
  const ended = service.ended();
  await service.stop();
  expect(await ended, service.name).toEqual({ code: 0, signal: null });
}

/**
 * Looks for the effect of each record in the stores, while no process of the groups runs. `committed`: whether there is
 * any such record before the offset of each reader. `notCommitted`: those that would be handled once more.
 */
async function handledRecords(): Promise<{ committed: boolean[]; notCommitted: string[] }> {
  const { stores } = whole;
  const [steps, reservations, payments, documents] = await Promise.all([
    stores.query<{ cause: string }>('select cause from order_history'),
    stores.query<{ id: string; state: string }>(
      'select order_id as id, state from reservation',
      [],
      'inventory',
    ),
    stores.query<{ id: string; completed: boolean }>(
      'select order_id as id, completed from payment',
      [],
      'payment',
    ),
    stores.documents(),
  ]);
  const causes = new Set(steps.map(({ cause }) => cause.split(' ').at(-1)));
  const reserved = new Map(reservations.map(({ id, state }) => [id, state]));
  const completed = new Map(payments.map(({ id, completed }) => [id, completed]));
  const timelines = new Map(documents.map(({ _id, timeline }) => [_id, timeline as object | undefined]));

  const isCause = ({ partition, offset }: TopicRecord, topic: string) =>
    causes.has(`${topic}/${partition}/${offset}`);
  const effects: Record<string, (record: TopicRecord, topic: string) => boolean> = {
    [groups.orderWorker]: isCause,
    [groups.orderSaga]: isCause,
    [groups.orderView]({ headers }) {
      const [id = '', version = ''] = headers['ce_id']?.split('/') ?? [];
      // The first one is shown by the worker.
      return version !== '1' && version in (timelines.get(id) ?? {});
    },
    [groups.inventory]({ headers }) {
      const state = reserved.get(headers['ce_subject'] ?? '');
      if (headers['ce_type'] === OrderConfirmedSchema.typeName) return state === 'COMMITTED';
      return headers['ce_type'] === OrderAcceptedSchema.typeName && state !== undefined;
    },
    [groups.payment]({ headers }) {
      const isCompleted = completed.get(headers['ce_subject'] ?? '');
      if (headers['ce_type'] === OrderCompletedSchema.typeName) return isCompleted === true;
      return headers['ce_type'] === InventoryReservedSchema.typeName && isCompleted !== undefined;
    },
  };

  const records = new Map<string, TopicRecord[]>();
  for (const [topic] of orderReaders) {
    if (!records.has(topic)) records.set(topic, await stores.readTopic(topic));
  }
  const committed: boolean[] = [];
  const notCommitted: string[] = [];
  for (const [topic, group] of orderReaders) {
    const offsets = new Map(
      (await stores.offsets(topic, group)).map((each) => [each.partition, each.committed]),
    );
    const handled = (records.get(topic) ?? []).filter((record) => effects[group]?.(record, topic));
    const beyond = handled.filter(
      ({ partition, offset }) => BigInt(offset) >= (offsets.get(partition) ?? 0n),
    );
    committed.push(handled.length > beyond.length);
    for (const { partition, offset } of beyond) {
      notCommitted.push(`${topic}/${partition}/${offset} by ${group}`);
    }
  }
  return { committed, notCommitted };
}

test('two of every service, all of them restarted one after the other under load: no call fails, and nothing is done twice', async () => {
  const second = await createSecondSystem(whole);
  try {
    await second.start(doubled);
    const load = startSteadyLoad(whole, second);
    const repeated: Record<string, number> = {};
    const note = async (service: Service) => {
      repeated[service.name] = (repeated[service.name] ?? 0) + (await repeats(service));
    };
    for (const { services } of [whole, second]) {
      // What came again because of those that stopped before has been counted by now.
      await untilCaughtUp(whole.stores, orderReaders, 60_000);
      for (const name of doubled) {
        const service = services[name];
        await note(service);
        await stopGracefully(service);
        // While it starts the next one is stopped: one instance of each service continues.
        service.launch();
      }
      await Promise.all(doubled.map((name) => services[name].ready()));
    }
    await untilCaughtUp(whole.stores, orderReaders, 60_000);
    const { called, sent, tries, maxTries } = await load.stop();
    console.log(`${called.length} called, ${sent.length} sent; tries of calls:`, Object.fromEntries(tries));
    await whole.expectSound();

    for (const { services } of [whole, second]) {
      for (const name of doubled) await note(services[name]);
    }
    expect(repeated).toEqual(Object.fromEntries(doubled.map((name) => [name, 0])));
    await expectNothingTwice();
    // The other instance has always responded at once.
    expect(maxTries).toBe(2);
    const responses = [...tries.keys()].filter((outcome) => !outcome.startsWith('no response'));
    // A refusal is that of a cancel which came too late.
    const expected = ['ok', 'Unavailable', 'FailedPrecondition'];
    expect(responses.filter((outcome) => !expected.includes(outcome))).toEqual([]);
    expect(await unended([...called, ...sent])).toEqual([]);
  } finally {
    await second.stop();
  }
});

/** How often a process was given what had been handled before; worker and inventory count it, all have one consumer. */
async function repeats(service: Service): Promise<number> {
  const metrics = await service.metrics();
  return (
    sumOf(metrics, 'orderflow_orders_decided_total', { outcome: 'repeated' }) +
    sumOf(metrics, 'orderflow_stock_events_handled_total', { outcome: 'duplicate' })
  );
}

/** Every event was published once, every order submitted once, and the gateway asked for nothing twice. */
async function expectNothingTwice(): Promise<void> {
  const { stores } = whole;
  for (const topic of [topics.orderEvents, topics.inventoryEvents, topics.paymentEvents]) {
    const published = Map.groupBy(await stores.readTopic(topic), ({ headers }) => headers['ce_id']);
    expect([...published].filter(([, records]) => records.length > 1).map(([id]) => id)).toEqual([]);
  }
  const [orders] = await stores.query<{ count: number }>('select count(*)::int as count from orders');
  expect(await stores.readTopic(topics.orders)).toHaveLength(orders?.count ?? 0);
  const again = await stores.query(
    `select order_id, kind, array_agg(outcome) as outcomes from payment_attempt group by order_id, kind
     having count(*) > 1 or bool_or(end_time is null or outcome in ('unknown', 'unreachable'))`,
    [],
    'payment',
  );
  expect(again).toEqual([]);
}

/** Those of these orders that are not there, or have not ended as they should. */
async function unended(orderIds: readonly string[]): Promise<string[]> {
  const rows = await whole.stores.query<{ id: string }>(
    `select id from unnest($1::text[]) as id left join orders using (id)
     where state is null or state not in ('COMPLETED', 'CANCELLED')`,
    [orderIds],
  );
  return rows.map(({ id }) => id);
}
