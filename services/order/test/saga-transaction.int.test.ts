import { fromBinary } from '@bufbuild/protobuf';
import {
  CancelReason,
  OrderAcceptedSchema,
  OrderCancelRequestedSchema,
  OrderConfirmedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { InTransaction } from '@orderflow/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ParticipantStatus } from '../src/domain/deadline.ts';
import type { SagaInputKind } from '../src/domain/saga.ts';
import { isTransition, type SagaInput } from '../src/domain/transition.ts';
import { createDueOrders } from '../src/outbound/postgres/due-orders.ts';
import { createOrderStore } from '../src/outbound/postgres/order-store.ts';
import { createOrderTransactions } from '../src/outbound/postgres/order-transactions.ts';
import type { DeadlineKind, SagaTransaction } from '../src/ports.ts';
import { advanceOrders } from '../src/use-cases/advance-orders.ts';
import { cancelOrder } from '../src/use-cases/cancel-order.ts';
import { fireDeadlines } from '../src/use-cases/fire-deadlines.ts';
import { retryOrder } from '../src/use-cases/retry-order.ts';
import { decide, submission } from './kit.ts';
import { limits } from './saga-kit.ts';
import { testPostgres } from './stack-kit.ts';

let database: Awaited<ReturnType<typeof testPostgres>>;
let inTransaction: InTransaction<SagaTransaction>;
beforeAll(async () => {
  database = await testPostgres();
  inTransaction = createOrderTransactions(database, { currency: 'USD', now: () => new Date() });
});
afterAll(() => database?.[Symbol.asyncDispose]());

const query = <Row>(sql: string, ...parameters: unknown[]) => database.query<Row>(sql, parameters);
const rowOf = async (id: string) =>
  (await query<Record<string, unknown>>('select * from orders where id = $1', id))[0] ?? {};
const history = (id: string) =>
  query<Record<string, unknown>>('select * from order_history where order_id = $1 order by revision', id);
const outbox = (id: string) =>
  query<{ topic: string; value: Buffer; headers: Record<string, string> }>(
    'select topic, value, headers from outbox where key = $1 order by id',
    id,
  );
const publishedOf = async (id: string) =>
  (await outbox(id)).map(
    ({ headers }) =>
      `${headers['ce_id']} ${headers['ce_type']?.split('.').at(-1)}${headers['requery'] ? ' again' : ''}`,
  );

/** Orders as the worker leaves them: accepted, or waiting for a person. */
async function given(ids: readonly string[], decision: 'accepted' | 'invalid' = 'accepted') {
  await createOrderStore(database, { currency: 'USD', limits }).decide(
    ids.map((orderId) => ({
      orderId,
      customerId: 'c-1',
      cause: 'orders/0/7',
      traceparent: undefined,
      contentHash: Buffer.alloc(32, 1),
      submission: { value: Buffer.from(`sent ${orderId}`), contentType: 'application/json' },
      decision: decision === 'accepted' ? decide(submission({ orderId })) : { invalid: 'nonsense' },
    })),
  );
}

const input = (orderId: string, kind: SagaInputKind, more: Partial<SagaInput> = {}): SagaInput => ({
  orderId,
  kind,
  cause: `${orderId}/${kind} topic/0/1`,
  ...more,
});

/** Applies one batch; returns how many inputs changed something. */
async function advance(...inputs: SagaInput[]): Promise<number> {
  const results = await inTransaction((transaction) => advanceOrders({ transaction, limits }, inputs));
  return results.filter(isTransition).length;
}

const upToDateSince = (since: Date): ParticipantStatus => ({
  kind: 'up_to_date',
  since,
  readUpTo: new Date(Date.now() + 86_400_000),
});

/** One pass over what is due. `keepingUp`: as the participants are; up to date by default. */
async function fire(
  kind: DeadlineKind,
  before = new Date(Date.now() + 86_400_000),
  participantStatus: ParticipantStatus = upToDateSince(new Date(0)),
) {
  const due = await createDueOrders(database).page(kind, before, undefined, 1_000);
  const ids = due.map(({ orderId }) => orderId);
  const participants = { statusOf: () => participantStatus };
  return inTransaction((transaction) => fireDeadlines({ transaction, limits }, participants, ids, before));
}
const forget = () => query('delete from outbox');
const minutesLeft = ({ deadline_time: deadline }: Record<string, unknown>) =>
  Math.round((Date.parse(String(deadline)) - Date.now()) / 60_000);

describe('a batch of replies', () => {
  test('is never before what happened to its orders earlier, whatever the clock says now', async () => {
    await given(['skewed']);
    await query("update orders set update_time = now() + interval '1 hour' where id = 'skewed'");
    await advance(input('skewed', 'InventoryReserved'));
    const [, transition] = await history('skewed');
    expect(Date.parse(String(transition?.['create_time']))).toBeGreaterThan(Date.now() + 3_500_000);
    expect((await rowOf('skewed'))['update_time']).toEqual(transition?.['create_time']);
    const published = (await outbox('skewed')).at(-1);
    expect(published?.headers['ce_time']).toBe(new Date(String(transition?.['create_time'])).toISOString());
  });

  test('moves its orders on: rows, history and events, in one go', async () => {
    await given(['whole', 'short']);
    await advance(
      input('whole', 'PaymentProcessed', {
        transactionId: 'tx-1',
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      }),
      input('short', 'InventoryUnavailable', { detail: 'Not enough of p-1: 1 available, 2 requested' }),
      input('whole', 'InventoryReserved'),
    );
    expect(await rowOf('whole')).toMatchObject({
      state: 'CONFIRMED',
      version: 3,
      revision: 2,
      transaction_id: 'tx-1',
      needs_attention: null,
      requery_time: null,
    });
    expect(minutesLeft(await rowOf('whole'))).toBe(10);
    expect(await publishedOf('whole')).toEqual([
      'whole/1 OrderAccepted',
      'whole/2 OrderReserved',
      'whole/3 OrderConfirmed',
    ]);
    const [, transition] = await history('whole');
    expect(transition).toMatchObject({
      revision: 2,
      state: 'CONFIRMED',
      cause: 'whole/PaymentProcessed topic/0/1',
      version: 3,
      event_types: ['OrderReserved', 'OrderConfirmed'],
    });
    const confirmed = (await outbox('whole')).at(-1);
    expect(confirmed?.headers).toMatchObject({
      ce_source: '/orderflow/order',
      ce_subject: 'whole',
      ce_time: new Date(String(transition?.['create_time'])).toISOString(),
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    });
    expect(confirmed && fromBinary(OrderConfirmedSchema, confirmed.value)).toMatchObject({
      orderId: 'whole',
      version: 3n,
      customerId: 'c-1',
      total: { currencyCode: 'USD', units: 1079n, nanos: 990_000_000 },
    });

    expect(await rowOf('short')).toMatchObject({
      state: 'CANCELLING',
      cancel_reason: 'OUT_OF_STOCK',
      cancel_detail: 'Not enough of p-1: 1 available, 2 requested',
    });
    const requested = (await outbox('short')).at(-1);
    expect(requested && fromBinary(OrderCancelRequestedSchema, requested.value)).toMatchObject({
      version: 2n,
      reason: CancelReason.OUT_OF_STOCK,
    });
  });

  test('that comes again changes nothing', async () => {
    await given(['again']);
    const batch = [
      input('again', 'InventoryReserved'),
      input('again', 'PaymentFailed', { detail: 'insufficient_funds' }),
      input('again', 'InventoryReleased'),
      input('again', 'PaymentVoided'),
      input('again', 'InventoryCommitted'),
    ];
    expect(await advance(...batch)).toBe(5);
    const before = [await rowOf('again'), await history('again'), await outbox('again')];
    expect(before[0]).toMatchObject({ state: 'CANCELLED', version: 4, revision: 6, deadline_time: null });
    expect(before[0]).toMatchObject({ needs_attention: 'CONTRADICTORY_EVENT' });
    expect(await advance(...batch)).toBe(0);
    expect([await rowOf('again'), await history('again'), await outbox('again')]).toEqual(before);
  });

  test('shuffled and doubled ends like one in order', async () => {
    await given(['mixed']);
    const batch = (['PaymentProcessed', 'InventoryReserved', 'InventoryCommitted'] as const).map((kind) =>
      input('mixed', kind),
    );
    await advance(...batch, ...batch.toReversed());
    expect(await rowOf('mixed')).toMatchObject({ state: 'COMPLETED', version: 4, needs_attention: null });
    expect((await publishedOf('mixed')).map((published) => published.split(' ')[0])).toEqual([
      'mixed/1',
      'mixed/2',
      'mixed/3',
      'mixed/4',
    ]);
  });

  test('with texts that Postgres cannot hold is written without them', async () => {
    await given(['nul']);
    await advance(input('nul', 'PaymentFailed', { detail: 'no\0 money', cause: 'x\0y' }));
    expect(await rowOf('nul')).toMatchObject({ cancel_detail: 'no money' });
  });

  test('may hold hundreds of orders', async () => {
    const ids = Array.from({ length: 250 }, (_, index) => `many-${index}`);
    await given(ids);
    await advance(...ids.flatMap((id) => [input(id, 'InventoryReserved'), input(id, 'PaymentProcessed')]));
    const [row] = await query<{ n: number }>(
      "select count(*)::int as n from orders where id like 'many-%' and state = 'CONFIRMED' and version = 3",
    );
    expect(row?.n).toBe(250);
  });

  test('and many others with the same orders at once: no deadlock, each step is taken once', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `race-${index}`);
    await given(ids);
    const sagaInputs = ['InventoryReserved', 'PaymentProcessed', 'InventoryCommitted'] as const;
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, batch) => {
        const order = batch % 2 ? ids : ids.toReversed();
        return advance(...order.flatMap((id) => sagaInputs.map((kind) => input(id, kind))));
      }),
    );
    expect(results.toSorted((a, b) => b - a)).toEqual([120, 0, 0, 0, 0, 0, 0, 0]);
    const [events] = await query<{ n: number; ids: number }>(
      "select count(*)::int as n, count(distinct headers->>'ce_id')::int as ids from outbox where key like 'race-%'",
    );
    expect(events).toEqual({ n: 160, ids: 160 });
  });

  test('and a cancel at once: one of them is first, and both are published in one sequence', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `cancel-${index}`);
    await given(ids);
    const cancels = ids.map((orderId) =>
      inTransaction((transaction) =>
        cancelOrder({ transaction, limits }, { orderId, reason: '', callerId: 'me' }),
      ).then(
        () => 'CANCELLING',
        ({ reason }) => reason as string,
      ),
    );
    const [responses] = await Promise.all([
      Promise.all(cancels),
      advance(...ids.map((id) => input(id, 'PaymentProcessed'))),
    ]);
    for (const [index, id] of ids.entries()) {
      const { state, version } = await rowOf(id);
      expect(state).toBe(responses[index] === 'ORDER_NOT_CANCELLABLE' ? 'CONFIRMED' : 'CANCELLING');
      expect((await publishedOf(id)).length).toBe(version);
    }
  });
});

describe('CancelOrder', () => {
  const cancel = (orderId: string, reason = 'too late') =>
    inTransaction((transaction) =>
      cancelOrder({ transaction, limits }, { orderId, reason, callerId: 'shop' }),
    );

  test('of an undecided order is over at once, and the worker then finds it closed', async () => {
    await given(['early'], 'invalid');
    await cancel('early');
    expect(await rowOf('early')).toMatchObject({
      state: 'CANCELLED',
      version: 1,
      cancel_reason: 'CLIENT_REQUEST',
      cancel_detail: 'too late',
      needs_attention: null,
      // What was ordered is known from nowhere else.
      submission: Buffer.from('sent early'),
      deadline_time: null,
    });
    expect(await publishedOf('early')).toEqual(['early/1 OrderCancelled']);
    const settled = await createOrderStore(database, { currency: 'USD', limits }).decide([
      {
        orderId: 'early',
        customerId: 'c-1',
        cause: 'orders/0/9',
        traceparent: undefined,
        contentHash: Buffer.alloc(32, 1),
        submission: { value: Buffer.alloc(0), contentType: undefined },
        decision: decide(submission({ orderId: 'early' })),
      },
    ]);
    expect(settled.get('early')).toMatchObject({ kind: 'closed' });
  });

  test('of an accepted order asks for it to be undone; again it changes nothing', async () => {
    await given(['undo']);
    await cancel('undo');
    expect((await history('undo')).at(-1)).toMatchObject({
      cause: 'CancelOrder by shop',
      detail: 'too late',
    });
    await cancel('undo', 'other');
    expect(await rowOf('undo')).toMatchObject({
      state: 'CANCELLING',
      cancel_detail: 'too late',
      revision: 2,
    });
  });

  test('of a paid order and of no order is refused', async () => {
    await given(['paid']);
    await advance(input('paid', 'PaymentProcessed'));
    await expect(cancel('paid')).rejects.toMatchObject({
      reason: 'ORDER_NOT_CANCELLABLE',
      metadata: { state: 'CONFIRMED' },
    });
    await expect(cancel('nobody')).rejects.toMatchObject({ reason: 'ORDER_NOT_FOUND' });
  });
});

describe('RetryOrder', () => {
  const retry = (orderId: string) =>
    inTransaction((transaction) => retryOrder({ transaction, limits }, { orderId, callerId: 'ops' }));

  test('of an undecided order sends the record again as it was', async () => {
    await given(['odd'], 'invalid');
    await retry('odd');
    expect(await rowOf('odd')).toMatchObject({ state: 'PENDING', needs_attention: null, version: 0 });
    expect(minutesLeft(await rowOf('odd'))).toBe(15);
    const [message] = await outbox('odd');
    expect(message).toMatchObject({
      topic: 'orders',
      value: Buffer.from('sent odd'),
      headers: { 'content-type': 'application/json' },
    });
    // It may turn out as odd as before, and be tried again.
    await given(['odd'], 'invalid');
    expect(await rowOf('odd')).toMatchObject({
      needs_attention: 'ENRICHMENT_INVALID',
      submission: Buffer.from('sent odd'),
    });
    await given(['odd']);
    expect(await rowOf('odd')).toMatchObject({ state: 'ACCEPTED', needs_attention: null, submission: null });
  });

  test('of any other order republishes its last event: same id, same content', async () => {
    await given(['stuck', 'fresh']);
    await advance(input('stuck', 'PaymentProcessed'));
    await query("update orders set needs_attention = 'STUCK_IN_CONFIRMED' where id in ('stuck', 'fresh')");
    await retry('stuck');
    await retry('fresh');
    expect(await rowOf('stuck')).toMatchObject({ needs_attention: null, version: 3, revision: 3 });
    expect(await publishedOf('stuck')).toEqual([
      'stuck/1 OrderAccepted',
      'stuck/2 OrderReserved',
      'stuck/3 OrderConfirmed',
      'stuck/3 OrderConfirmed again',
    ]);
    const [first, second] = await outbox('fresh');
    expect(second?.headers).toMatchObject({ ...first?.headers, requery: 'Retry' });
    expect(second && fromBinary(OrderAcceptedSchema, second.value)).toEqual(
      first && fromBinary(OrderAcceptedSchema, first.value),
    );
    const published = (await outbox('stuck')).slice(-2);
    expect(published[0]?.value).toEqual(published[1]?.value);
    expect(published[0]?.headers['ce_time']).toBe(published[1]?.headers['ce_time']);
  });

  test('of an order that waits for its payment republishes OrderAccepted too: payment must have it to charge', async () => {
    await given(['unpaid']);
    await advance(input('unpaid', 'InventoryReserved'));
    // As a process of the previous version leaves it: published, read by a payment that stored nothing, and requeried
    // once.
    await query(
      "update orders set needs_attention = 'CONTRADICTORY_EVENT', requery_time = now() where id = 'unpaid'",
    );
    await retry('unpaid');
    expect(await publishedOf('unpaid')).toEqual([
      'unpaid/1 OrderAccepted',
      'unpaid/2 OrderReserved',
      'unpaid/1 OrderAccepted again',
      'unpaid/2 OrderReserved again',
    ]);
    const [first, , again] = await outbox('unpaid');
    expect(again?.value).toEqual(first?.value);
    expect(again?.headers).toMatchObject({ ...first?.headers, requery: 'Retry' });
  });

  test('of an order that does not need attention is refused', async () => {
    await given(['fine']);
    await expect(retry('fine')).rejects.toMatchObject({ reason: 'ORDER_NEEDS_NO_ATTENTION' });
    await expect(retry('nobody')).rejects.toMatchObject({ reason: 'ORDER_NOT_FOUND' });
  });
});

describe('a deadline', () => {
  const only = (id: string) => query('update orders set deadline_time = null where id <> $1', id);

  test('requeries at half time, cancels at the end, requeries again, and then needs attention', async () => {
    await given(['slow']);
    await only('slow');
    await forget();
    await fire('decided');
    expect(await publishedOf('slow')).toEqual(['slow/1 OrderAccepted again']);
    expect(minutesLeft(await rowOf('slow'))).toBe(15);
    expect((await rowOf('slow'))['requery_time']).not.toBeNull();

    await forget();
    await fire('decided');
    expect(await rowOf('slow')).toMatchObject({
      state: 'CANCELLING',
      cancel_reason: 'DEADLINE',
      requery_time: null,
    });
    expect(await publishedOf('slow')).toEqual(['slow/2 OrderCancelRequested']);
    expect(minutesLeft(await rowOf('slow'))).toBe(10);

    await forget();
    await fire('decided');
    expect(await publishedOf('slow')).toEqual(['slow/2 OrderCancelRequested again']);
    await forget();
    await fire('decided');
    expect(await rowOf('slow')).toMatchObject({
      state: 'CANCELLING',
      needs_attention: 'STUCK_IN_CANCELLING',
      deadline_time: null,
    });
    expect(await outbox('slow')).toEqual([]);
    expect((await history('slow')).map(({ cause }) => cause)).toEqual([
      'orders/0/7',
      'RequeryDeadline',
      'EndDeadline',
      'RequeryDeadline',
      'EndDeadline',
    ]);
  });

  test('at the end is postponed while a participant is behind; then it asks again, and only then cancels', async () => {
    const behind = { kind: 'behind', group: 'inventory', topic: 'order-events', partition: 1 } as const;
    const caughtUp = upToDateSince(new Date(Date.now() + 3_600_000));
    const postponedFor = (minutes: number) => new Date(Date.now() + (15 + minutes) * 60_000);
    await given(['frozen']);
    await only('frozen');
    await forget();
    await fire('decided');
    await forget();

    expect(await fire('decided', postponedFor(9), behind)).toEqual([]);
    expect(await fire('decided', postponedFor(9), { kind: 'unknown' })).toEqual([]);
    expect(await fire('decided', postponedFor(11), behind)).toHaveLength(1);
    expect(await rowOf('frozen')).toMatchObject({ state: 'ACCEPTED', needs_attention: 'PARTICIPANT_BEHIND' });
    expect((await history('frozen')).at(-1)).toMatchObject({
      cause: 'ParticipantBehind',
      detail: expect.stringContaining(
        'group inventory has not read all records of order-events, partition 1',
      ),
    });
    // A person is called once.
    expect(await fire('decided', postponedFor(1_000), behind)).toEqual([]);
    expect(await outbox('frozen')).toEqual([]);

    await fire('decided', undefined, caughtUp);
    expect(await rowOf('frozen')).toMatchObject({ state: 'ACCEPTED', needs_attention: 'PARTICIPANT_BEHIND' });
    expect(await publishedOf('frozen')).toEqual(['frozen/1 OrderAccepted again']);
    expect(minutesLeft(await rowOf('frozen'))).toBe(15);
    await forget();
    await fire('decided');
    expect(await rowOf('frozen')).toMatchObject({
      state: 'CANCELLING',
      cancel_reason: 'DEADLINE',
      needs_attention: null,
    });
  });

  test('of an undecided order needs attention and cancels nothing', async () => {
    await given(['undecided'], 'invalid');
    await query("update orders set deadline_time = now(), needs_attention = null where id = 'undecided'");
    await fire('decided');
    expect(await rowOf('undecided')).toMatchObject({ needs_attention: null });
    await fire('undecided');
    expect(await rowOf('undecided')).toMatchObject({
      state: 'PENDING',
      needs_attention: 'UNDECIDED',
      deadline_time: null,
    });
  });

  test('does not fire before its time, nor while something of its order is still to be published', async () => {
    await given(['untold']);
    await only('untold');
    expect(await fire('decided')).toEqual([]);
    await forget();
    expect(await fire('decided', new Date())).toEqual([]);
    expect(await fire('decided')).toHaveLength(1);
  });

  test('that several instances see fires once', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => `due-${index}`);
    await given(ids);
    await forget();
    await query("update orders set deadline_time = case when id like 'due-%' then now() end");
    const before = new Date(Date.now() + 1_000);
    const fired = await Promise.all(Array.from({ length: 4 }, () => fire('decided', before)));
    expect(fired.flat()).toHaveLength(100);
    const [published] = await query<{ n: number }>(
      "select count(*)::int as n from outbox where key like 'due-%'",
    );
    expect(published?.n).toBe(100);
  });
});
