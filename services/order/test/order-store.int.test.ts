import { fromBinary } from '@bufbuild/protobuf';
import type { MikroORM } from '@mikro-orm/postgresql';
import {
  OrderAcceptedSchema,
  OrderRejectedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { eventually, refusedChanges } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeEnrichedOrder } from '../src/outbound/postgres/enriched-order-codec.ts';
import { createOrderStore } from '../src/outbound/postgres/order-store.ts';
import type { Candidate, OrderStore } from '../src/ports.ts';
import { decide, line, submission } from './kit.ts';
import { limits } from './saga-kit.ts';
import { testPostgres } from './stack-kit.ts';

let database: Awaited<ReturnType<typeof testPostgres>>;
let orm: MikroORM;
let store: OrderStore;
beforeAll(async () => {
  database = await testPostgres();
  orm = database.orm;
  store = createOrderStore(database, { currency: 'USD', limits });
});
afterAll(() => database?.[Symbol.asyncDispose]());

const content = (text: string) => Buffer.from(text.padEnd(32, '.'));
const first = content('first');
const other = content('other');

const accepted = (orderId: string) => decide(submission({ orderId, lines: [line({ quantity: 2 })] }));
/** As it is once it is stored: when that was is for the store to say. */
const acceptedSometime = (orderId: string) => ({ ...accepted(orderId), decideTime: expect.any(Date) });
const rejected = (orderId: string, customerId = '') => decide(submission({ orderId, customerId }));

function candidate(orderId: string, change: Partial<Candidate> = {}): Candidate {
  return {
    orderId,
    customerId: 'c-1',
    cause: 'orders/0/7',
    traceparent: undefined,
    contentHash: first,
    submission: { value: content('sent'), contentType: undefined },
    decision: accepted(orderId),
    ...change,
  };
}

async function settle(...candidates: Candidate[]): Promise<Record<string, string>> {
  const settled = await store.decide(candidates);
  return Object.fromEntries([...settled].map(([id, { kind }]) => [id, kind]));
}

const query = <Row>(sql: string, ...parameters: unknown[]) => database.query<Row>(sql, parameters);
const orderRow = async (id: string) =>
  (
    await query<Record<string, unknown>>(
      'select customer_id, state, version, revision, needs_attention, content_hash from orders where id = $1',
      id,
    )
  )[0];
const history = (id: string) =>
  query<{
    revision: number;
    state: string;
    cause: string;
    detail: string | null;
    enriched_order: Buffer | null;
  }>(
    'select revision, state, cause, detail, enriched_order from order_history where order_id = $1 order by revision',
    id,
  );
const outbox = (id: string) =>
  query<{ topic: string; key: string; value: Buffer; headers: Record<string, string> }>(
    'select topic, key, value, headers from outbox where key = $1 order by id',
    id,
  );

describe('the time of a decision', () => {
  const timesOf = (id: string) =>
    query<{ create_time: Date; enriched_order: Buffer | null }>(
      'select create_time, enriched_order from order_history where order_id = $1 order by revision',
      id,
    );

  test("is the database's, the same in its history, its event and its bytes", async () => {
    await store.decide([
      candidate('dated', { decision: { ...accepted('dated'), decideTime: new Date(0) } as never }),
    ]);
    const [row] = await timesOf('dated');
    const [event] = await outbox('dated');
    const time = new Date(String(row?.create_time));
    expect(Math.abs(time.getTime() - Date.now())).toBeLessThan(60_000);
    expect(decodeEnrichedOrder(row?.enriched_order ?? Buffer.alloc(0)).decideTime).toEqual(time);
    expect(event?.headers['ce_time']).toBe(time.toISOString());
  });

  test('is never before what happened to the order earlier, whatever the clock says now', async () => {
    await store.decide([candidate('early', { decision: { invalid: 'nonsense' } })]);
    await query("update orders set update_time = now() + interval '1 hour' where id = 'early'");
    await store.decide([candidate('early')]);
    const [, decided] = await timesOf('early');
    const time = new Date(String(decided?.create_time));
    expect(time.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
    expect(decodeEnrichedOrder(decided?.enriched_order ?? Buffer.alloc(0)).decideTime).toEqual(time);
    const [row] = await query<{ update_time: Date }>("select update_time from orders where id = 'early'");
    expect(new Date(String(row?.update_time))).toEqual(time);
  });
});

describe('an order', () => {
  test('that is new is stored with its decision, its history and its event, in one go', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const settled = await store.decide([
      candidate('yes', { traceparent }),
      candidate('no', { decision: rejected('no', 'c\0d'), customerId: 'c\0d' }),
    ]);
    expect(settled.get('yes')).toEqual({ kind: 'new', contentHash: first, order: acceptedSometime('yes') });
    expect(settled.get('no')).toMatchObject({ kind: 'new' });
    const common = { version: 1, revision: 1, needs_attention: null, content_hash: first };
    expect(await orderRow('yes')).toEqual({ customer_id: 'c-1', state: 'ACCEPTED', ...common });
    expect(await orderRow('no')).toEqual({ customer_id: 'cd', state: 'REJECTED', ...common });

    const [row, ...more] = await history('yes');
    expect(more).toEqual([]);
    expect(row).toMatchObject({ revision: 1, state: 'ACCEPTED', cause: 'orders/0/7' });
    expect(row?.enriched_order && decodeEnrichedOrder(row.enriched_order)).toEqual(acceptedSometime('yes'));

    const [event, ...noMore] = await outbox('yes');
    expect(noMore).toEqual([]);
    expect(event?.topic).toBe('order-events');
    expect(event?.headers).toEqual({
      ce_specversion: '1.0',
      ce_id: 'yes/1',
      ce_type: 'orderflow.order.event.v1.OrderAccepted',
      ce_source: '/orderflow/order',
      ce_subject: 'yes',
      ce_time: expect.any(String),
      'content-type': 'application/protobuf',
      traceparent,
    });
    expect(event && fromBinary(OrderAcceptedSchema, event.value)).toMatchObject({
      orderId: 'yes',
      version: 1n,
      customerId: 'c-1',
      lines: [{ productId: 'p-1', quantity: 2n, unitPrice: { units: 999n, nanos: 990_000_000 } }],
      total: { currencyCode: 'USD', units: 2159n, nanos: 980_000_000 },
    });

    const [rejection] = await outbox('no');
    expect(rejection?.headers).not.toHaveProperty('traceparent');
    expect(rejection && fromBinary(OrderRejectedSchema, rejection.value)).toMatchObject({
      orderId: 'no',
      version: 1n,
      rejections: [{ reason: 'CUSTOMER_ID_INVALID', field: 'customer_id' }],
    });
  });

  test('that is decided keeps its decision, and says whose content it is', async () => {
    await settle(candidate('kept'));
    const [settled] = (
      await store.decide([candidate('kept', { decision: rejected('kept'), contentHash: other })])
    ).values();
    expect(settled).toEqual({ kind: 'decided', contentHash: first, order: acceptedSometime('kept') });
    expect(await history('kept')).toHaveLength(1);
    expect(await outbox('kept')).toHaveLength(1);
  });

  test('that was cancelled while pending is closed', async () => {
    await settle(candidate('closed', { decision: { invalid: 'x' } }));
    await query("update orders set state = 'CANCELLED' where id = 'closed'");
    expect(await settle(candidate('closed'))).toEqual({ closed: 'closed' });
    expect(await outbox('closed')).toEqual([]);
  });

  test('without a decision is not stored', async () => {
    expect(await settle(candidate('later', { decision: undefined }))).toEqual({});
    expect(await orderRow('later')).toBeUndefined();
  });

  test('with an invalid response of the API is pending and needs attention, until a decision comes', async () => {
    const invalid = candidate('odd', { decision: { invalid: 'nonsense' }, cause: 'orders/0/1' });
    const settled = await store.decide([invalid]);
    expect(settled.get('odd')).toEqual({ kind: 'invalid', contentHash: first, cause: 'nonsense' });
    expect(await orderRow('odd')).toMatchObject({
      state: 'PENDING',
      version: 0,
      revision: 1,
      needs_attention: 'ENRICHMENT_INVALID',
    });
    expect(await outbox('odd')).toEqual([]);

    expect(await settle(candidate('odd', { decision: undefined }))).toEqual({ odd: 'open' });
    expect(await settle(candidate('odd', { contentHash: other }))).toEqual({ odd: 'open' });
    expect(
      await settle(
        candidate('odd', { contentHash: other, decision: rejected('odd') }),
        candidate('odd', { cause: 'orders/0/2' }),
      ),
    ).toEqual({ odd: 'pending' });
    expect(await orderRow('odd')).toMatchObject({
      state: 'ACCEPTED',
      version: 1,
      revision: 2,
      needs_attention: null,
      content_hash: first,
    });
    expect((await history('odd')).map(({ state, cause, detail }) => [state, cause, detail])).toEqual([
      ['PENDING', 'orders/0/1', 'nonsense'],
      ['ACCEPTED', 'orders/0/2', null],
    ]);
    expect((await outbox('odd')).map(({ headers }) => headers['ce_id'])).toEqual(['odd/1']);
  });

  test('with a contradiction is decided, and still needs attention', async () => {
    await settle(candidate('contradicted', { decision: { invalid: 'x' } }));
    await query("update orders set needs_attention = 'CONTRADICTORY_EVENT' where id = 'contradicted'");
    expect(await settle(candidate('contradicted'))).toEqual({ contradicted: 'pending' });
    expect(await orderRow('contradicted')).toMatchObject({
      state: 'ACCEPTED',
      needs_attention: 'CONTRADICTORY_EVENT',
    });
  });

  test('belongs to the first of several contents, and to none while the first has no decision', async () => {
    const second = candidate('claimed', { contentHash: other });
    expect(await settle(candidate('claimed', { decision: undefined }), second)).toEqual({});
    await settle(candidate('claimed'), second);
    expect((await orderRow('claimed'))?.['content_hash']).toEqual(first);
  });
});

test('a batch of all kinds is settled in one call', async () => {
  await settle(candidate('all-decided'), candidate('all-pending', { decision: { invalid: 'x' } }));
  expect(
    await settle(
      candidate('all-new'),
      candidate('all-decided'),
      candidate('all-pending'),
      candidate('all-none', { decision: undefined }),
      candidate('all-odd', { decision: { invalid: 'x' } }),
    ),
  ).toEqual({ 'all-new': 'new', 'all-decided': 'decided', 'all-pending': 'pending', 'all-odd': 'invalid' });
});

test('an empty batch is nothing', async () => {
  expect(await settle()).toEqual({});
});

test('a customer id as long as a record may be is stored cut', async () => {
  const customerId = 'é'.repeat(500_000);
  await settle(candidate('long', { customerId, decision: rejected('long', customerId) }));
  expect((await orderRow('long'))?.['customer_id']).toHaveLength(256);
  expect((await outbox('long'))[0]?.value.length).toBeLessThan(2_000);
});

test('a batch that fails leaves nothing behind', async () => {
  const broken = { ...accepted('broken'), taxBasisPoints: Number.NaN };
  await expect(
    store.decide([candidate('whole'), candidate('broken', { decision: broken })]),
  ).rejects.toThrow();
  expect(await orderRow('whole')).toBeUndefined();
  expect(await outbox('whole')).toEqual([]);
});

test('many batches with the same ids at once: no deadlock, and each order is decided once', async () => {
  const ids = Array.from({ length: 60 }, (_, index) => `race-${index}`);
  // Half are pending already, so that both ways to lock a row meet.
  await settle(...ids.filter((_, i) => i % 2).map((id) => candidate(id, { decision: { invalid: 'x' } })));
  const batches = Array.from({ length: 8 }, (_, batch) =>
    ids
      .toSorted((a, b) => (batch % 2 ? 1 : -1) * (a < b ? -1 : 1))
      .map((id) => candidate(id, { cause: `orders/${batch}/1` })),
  );
  const responses = await Promise.all(batches.map((batch) => store.decide(batch)));
  for (const id of ids) {
    const kinds = responses.map((response) => response.get(id)?.kind);
    expect(kinds.filter((kind) => kind === 'new' || kind === 'pending')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'decided')).toHaveLength(7);
  }
  const [{ events } = { events: 0 }] = await query<{ events: number }>(
    "select count(*)::int as events from outbox where key like 'race-%'",
  );
  expect(events).toBe(60);
});

/** Runs two batches against each other: both are seen to wait for what `hold` has locked, before it is let go. */
async function collide(hold: string, ...batches: [Candidate[], Candidate[]]) {
  const letGo = new Error('let go');
  let responses: ReturnType<OrderStore['decide']>[] = [];
  const holding = database.transaction(async (transaction) => {
    await transaction.query(hold);
    responses = batches.map((batch) => store.decide(batch));
    // Awaited only after the lock is released, and a failure before that must not go unhandled.
    void Promise.allSettled(responses);
    await eventually(async () => {
      const [waiting] = await query<{ n: number }>(
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      expect(waiting?.n).toBe(2);
    });
    throw letGo;
  });
  await expect(holding).rejects.toBe(letGo);
  return Promise.all(responses);
}

test('two batches that bring the same new orders in opposite order do not lock each other out', async () => {
  const ids = ['lock-a', 'lock-m', 'lock-z'];
  const batch = ids.map((id) => candidate(id));
  const holdMiddle = `insert into orders (id, customer_id, content_hash, state, version, revision, create_time, update_time)
    values ('lock-m', 'c-1', '', 'PENDING', 0, 1, now(), now())`;
  const responses = await collide(holdMiddle, batch.toReversed(), batch);
  for (const id of ids) {
    expect(responses.map((response) => response.get(id)?.kind).sort()).toEqual(['decided', 'new']);
  }
});

test('two batches that decide the same pending order: the second gets the decision of the first', async () => {
  await settle(candidate('wait', { decision: { invalid: 'x' } }));
  const hold = "select from orders where id = 'wait' for update";
  const responses = await collide(hold, [candidate('wait')], [candidate('wait')]);
  expect(responses.map((response) => response.get('wait')?.kind).sort()).toEqual(['decided', 'pending']);
  expect(await history('wait')).toHaveLength(2);
  expect(await outbox('wait')).toHaveLength(1);
});

test('Postgres refuses to change the history of orders; several orders at once still get theirs', async () => {
  await settle(candidate('kept-1'), candidate('kept-2'));
  const before = await history('kept-1');
  expect(await refusedChanges(database, 'order_history', 'state')).toEqual([
    expect.stringMatching(/^table order_history is append-only: /),
  ]);
  expect(await history('kept-1')).toEqual(before);
  await settle(candidate('kept-3'), candidate('kept-4'));
  expect([...(await history('kept-3')), ...(await history('kept-4'))]).toHaveLength(2);
});

test('the migrations make exactly the tables that the entities describe', async () => {
  expect(await orm.migrator.checkSchema()).toBe(false);
  expect(await orm.schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
});
