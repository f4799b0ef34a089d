import { createProxy, testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EnrichedOrder } from '../src/domain/enriched-order.ts';
import { createMongo } from '../src/outbound/mongo/mongo.ts';
import { ordersCollection } from '../src/outbound/mongo/order-collection.ts';
import { createOrderDocuments } from '../src/outbound/mongo/order-documents.ts';
import { createOrderProgress } from '../src/outbound/mongo/order-progress.ts';
import { toDocument } from '../src/outbound/mongo/to-document.ts';
import type { OrderDocuments, OrderProgress, ProgressUpdate } from '../src/ports.ts';
import { customer, decide, found, line, submission } from './kit.ts';
import { silent, testMongo } from './stack-kit.ts';

let database: Awaited<ReturnType<typeof testMongo>>;
let documents: OrderDocuments;
let progress: OrderProgress;
beforeAll(async () => {
  database = await testMongo();
  documents = createOrderDocuments(database.mongo);
  progress = createOrderProgress(database.mongo);
});
afterAll(() => database?.[Symbol.asyncDispose]());

const stored = (id: string) => ordersCollection(database.mongo).findOne({ _id: id }, { useBigInt64: true });
const order = (orderId: string) => decide(submission({ orderId }));
const transition = (
  orderId: string,
  version: number,
  state: ProgressUpdate['state'],
  more: Partial<ProgressUpdate> = {},
): ProgressUpdate => ({
  orderId,
  version,
  event: 'OrderReserved',
  state,
  time: new Date(version * 1_000),
  payment: undefined,
  cancelReason: undefined,
  ...more,
});
const progressOf = async (id: string) => (await stored(id))?.progress;

/** MongoDB takes 16 MiB; the driver's buffer ends a little after that. */
function tooLarge(orderId: string, mebibytes = 17): EnrichedOrder {
  return decide(submission({ orderId }), {
    customer: found(customer({ name: 'x'.repeat(mebibytes * 1024 * 1024) })),
  });
}

test('MongoDB that is unavailable at the start is an outage, and the start can be tried again', async () => {
  await using proxy = await createProxy({ target: testStack().parts.mongo.port });
  await proxy.refuse();
  const { mongo, component } = createMongo({
    url: `mongodb://127.0.0.1:${proxy.port}`,
    database: uniqueName('order'),
    logger: silent,
  });
  const early = createOrderDocuments(mongo);
  const error = await component.start().catch((reason: unknown) => reason);
  expect(component.isOutage?.(error)).toBe(true);
  await proxy.heal();
  await component.start();
  expect(await early.show([order('early')])).toEqual(new Map());
  await component.stop();
});

describe('order documents', () => {
  test('are written as they are computed, with the progress of the decision', async () => {
    const quotedPrice = { amount: BigInt(Number.MAX_SAFE_INTEGER), currency: 'USD' };
    const sent = decide(submission({ orderId: 'written', lines: [line({ quotedPrice })] }));
    expect(await documents.show([sent])).toEqual(new Map());
    expect(await stored('written')).toEqual({
      ...toDocument(sent),
      progress: {
        version: 1,
        state: 'ACCEPTED',
        payment: { state: 'AWAITED' },
        update_time: sent.decideTime,
      },
      timeline: { 1: { event: 'OrderAccepted', state: 'ACCEPTED', time: sent.decideTime } },
    });
  });

  test('written again stay as they are', async () => {
    await documents.show([order('again')]);
    const before = await stored('again');
    await documents.show([order('again'), order('again-new')]);
    expect(await stored('again')).toEqual(before);
    expect(await stored('again-new')).toMatchObject({ outcome: 'ACCEPTED' });
  });

  test('that the view has written first, or that differ, become the stored decision', async () => {
    await progress.advance([transition('late', 2, 'RESERVED')]);
    await ordersCollection(database.mongo).insertOne({ _id: 'damaged', outcome: 'REJECTED' });
    await documents.show([order('late'), order('damaged')]);
    const decision = { outcome: 'ACCEPTED', customer: { customer_id: 'c-1' } };
    expect(await stored('late')).toMatchObject({ ...decision, progress: { version: 2, state: 'RESERVED' } });
    expect(await stored('damaged')).toMatchObject({
      ...decision,
      progress: { version: 1, state: 'ACCEPTED' },
      timeline: { 1: { event: 'OrderAccepted' } },
    });
  });

  test('never take progress back', async () => {
    await documents.show([order('ahead')]);
    await progress.advance([transition('ahead', 3, 'CONFIRMED')]);
    await documents.show([order('ahead')]);
    expect(await progressOf('ahead')).toMatchObject({ version: 3, state: 'CONFIRMED' });
  });

  test('that the server refuses are named, and all others of the batch are written', async () => {
    const batch = Array.from({ length: 500 }, (_, index) => `batch-${index}`);
    await documents.show([order('batch-7')]);
    const refused = await documents.show(batch.map((id) => (id === 'batch-321' ? tooLarge(id) : order(id))));
    expect([...refused.keys()]).toEqual(['batch-321']);
    expect(refused.get('batch-321')).toMatch(/^MongoDB cannot hold the document: ./);
    const written = await ordersCollection(database.mongo).countDocuments({ _id: { $in: batch } });
    expect(written).toBe(499);
  });

  test('that are refused by the server, the driver or its buffer are all found in one batch', async () => {
    const refused = await documents.show([
      tooLarge('big-1', 16),
      order('small'),
      tooLarge('big-2', 16.9),
      tooLarge('big-3', 40),
    ]);
    expect([...refused.keys()]).toEqual(['big-1', 'big-2', 'big-3']);
    expect(await stored('small')).not.toBeNull();
  });

  test('that are too large are named also when there is no other', async () => {
    expect([...(await documents.show([tooLarge('alone')])).keys()]).toEqual(['alone']);
  });
});

describe('order documents that an index refuses', () => {
  /** No order shares its customer with another. */
  async function onePerCustomer() {
    const own = await testMongo();
    const collection = ordersCollection(own.mongo);
    await collection.createIndex({ 'customer.customer_id': 1 }, { unique: true, name: 'one_per_customer' });
    const of = (orderId: string, customerId: string) =>
      decide(submission({ orderId, customerId }), { customer: found(customer({ customerId })) });
    const ids = async () => (await collection.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
    return { ...own, of, ids, documents: createOrderDocuments(own.mongo) };
  }

  test('are named while others are written', async () => {
    await using database = await onePerCustomer();
    const { documents, of, ids } = database;
    await documents.show([of('o-1', 'c-1')]);
    const refused = await documents.show([of('o-1', 'c-1'), of('o-2', 'c-1'), of('o-3', 'c-3')]);
    expect([...refused.keys()]).toEqual(['o-2']);
    expect(refused.get('o-2')).toMatch(/duplicate key/);
    expect(await ids()).toEqual(['o-1', 'o-3']);
  });

  test('are held against none of them where none is written', async () => {
    await using database = await onePerCustomer();
    const { documents, of, ids } = database;
    await documents.show([of('o-1', 'c-1'), of('o-2', 'c-2')]);
    await expect(documents.show([of('o-3', 'c-1')])).rejects.toThrow(/duplicate key/);
    await expect(documents.show([of('o-3', 'c-1'), of('o-4', 'c-2')])).rejects.toThrow(/duplicate key/);
    // One that is too large says nothing of the others.
    await expect(documents.show([of('o-3', 'c-1'), tooLarge('huge')])).rejects.toThrow(/duplicate key/);
    expect(await ids()).toEqual(['o-1', 'o-2']);
  });
});

describe('progress', () => {
  test('of an order that has no document yet waits for its document', async () => {
    await progress.advance([transition('early', 2, 'RESERVED')]);
    expect(await stored('early')).toEqual({
      _id: 'early',
      progress: { version: 2, state: 'RESERVED', update_time: new Date(2_000) },
      timeline: { 2: { event: 'OrderReserved', state: 'RESERVED', time: new Date(2_000) } },
    });
    await documents.show([order('early')]);
    expect(await stored('early')).toMatchObject({ outcome: 'ACCEPTED', progress: { version: 2 } });
  });

  test('of a decision is left to the worker, which writes it with the document', async () => {
    const decisions = [transition('decided', 1, 'ACCEPTED'), transition('refused', 1, 'REJECTED')];
    expect(await progress.advance(decisions)).toBe(0);
    expect(await progress.advance([...decisions, transition('cancelled', 1, 'CANCELLED')])).toBe(1);
    expect(await stored('decided')).toBeNull();
    expect(await stored('refused')).toBeNull();
    expect(await progressOf('cancelled')).toMatchObject({ version: 1, state: 'CANCELLED' });
  });

  test('only goes forward, in whatever order and however often the steps come', async () => {
    const transitions = [
      transition('any', 2, 'RESERVED'),
      transition('any', 10, 'COMPLETED'),
      transition('any', 9, 'CONFIRMED'),
    ];
    await progress.advance(transitions);
    await progress.advance([transition('any', 1, 'ACCEPTED'), ...transitions.toReversed()]);
    expect(await progressOf('any')).toEqual({
      version: 10,
      state: 'COMPLETED',
      update_time: new Date(10_000),
    });
  });

  test('says where the money is, and why an order was cancelled', async () => {
    const payment = { state: 'CHARGED', transactionId: 'tx-1' } as const;
    await progress.advance([transition('paid', 3, 'CONFIRMED', { payment })]);
    expect(await progressOf('paid')).toMatchObject({ payment: { state: 'CHARGED', transaction_id: 'tx-1' } });
    await progress.advance([transition('paid', 4, 'CANCELLING', { cancelReason: 'DEADLINE' })]);
    expect(await progressOf('paid')).toEqual({
      version: 4,
      state: 'CANCELLING',
      cancel_reason: 'DEADLINE',
      update_time: new Date(4_000),
    });
  });

  test('leaves a timeline that is the same whatever came twice, late, or before the document', async () => {
    const transitions = [
      transition('told', 1, 'ACCEPTED', { event: 'OrderAccepted' }),
      transition('told', 2, 'RESERVED'),
      transition('told', 3, 'CONFIRMED', { event: 'OrderConfirmed' }),
    ];
    await progress.advance(transitions.slice(1).toReversed());
    await documents.show([order('told')]);
    await progress.advance([...transitions, ...transitions.toReversed()]);
    await documents.show([order('told')]);
    const entries = Object.entries((await stored('told'))?.timeline ?? {}).sort();
    expect(entries.map(([version, { event, state }]) => [version, event, state])).toEqual([
      ['1', 'OrderAccepted', 'ACCEPTED'],
      ['2', 'OrderReserved', 'RESERVED'],
      ['3', 'OrderConfirmed', 'CONFIRMED'],
    ]);
  });
});
