import { fromBinary } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { toMinorUnits } from '@orderflow/contracts';
import {
  InventoryCommittedSchema,
  InventoryReleasedSchema,
  InventoryReservedSchema,
  InventoryUnavailableSchema,
} from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import { Reservation_State } from '@orderflow/contracts/orderflow/inventory/v1/reservation';
import type { ReceivedRecord } from '@orderflow/messaging';
import { eventually, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accepted, cancelRequested, confirmed, reserved, traceparent } from './kit.ts';
import { runInventory, talkTo, testConfig, toRecord } from './running-inventory.ts';

const config = testConfig();
let inventory: Awaited<ReturnType<typeof runInventory>>;
let kafka: Awaited<ReturnType<typeof talkTo>>;

beforeAll(async () => {
  inventory = await runInventory(config);
  kafka = await talkTo(config);
});

afterAll(async () => {
  await kafka[Symbol.asyncDispose]();
  await inventory.stop();
});

const repliesTo = (orderId: string) => kafka.replies().filter(({ key }) => key?.toString() === orderId);

/** Waits until so many replies to an order were published. */
async function repliesOf(orderId: string, count: number): Promise<ReceivedRecord[]> {
  await eventually(() => expect(repliesTo(orderId)).toHaveLength(count));
  return repliesTo(orderId);
}

const idsOf = (records: readonly ReceivedRecord[]) => records.map(({ headers }) => headers['ce_id']);

async function stockOf(productId: string) {
  const { stock } = await inventory.client.getStock({ productId });
  return { onHand: stock?.onHand, reserved: stock?.reserved, committed: stock?.committed };
}

test('an accepted order is reserved in full, and the reply has the amount to pay', async () => {
  const orderId = uniqueName('o');
  await kafka.send(accepted(orderId, { 'p-11': 2, 'p-12': 3 }));
  const [record] = await repliesOf(orderId, 1);
  const event = fromBinary(InventoryReservedSchema, record?.value ?? new Uint8Array());
  expect(event).toMatchObject({
    orderId,
    customerId: 'c-1',
    lines: [
      { productId: 'p-11', quantity: 2n },
      { productId: 'p-12', quantity: 3n },
    ],
  });
  expect(event.total && toMinorUnits(event.total)).toBe(1_080n);
  expect(record?.headers).toMatchObject({
    ce_id: `${orderId}/InventoryReserved`,
    ce_type: 'orderflow.inventory.event.v1.InventoryReserved',
    ce_source: '/orderflow/inventory',
    ce_subject: orderId,
    ce_time: event.reserveTime && timestampDate(event.reserveTime).toISOString(),
    traceparent: expect.stringContaining(traceparent.slice(0, 35)),
  });
  expect(await stockOf('p-11')).toEqual({ onHand: 1000n, reserved: 2n, committed: 0n });
  expect(await stockOf('p-12')).toEqual({ onHand: 1000n, reserved: 3n, committed: 0n });
  const { reservation } = await inventory.client.getReservation({ orderId });
  expect(reservation).toMatchObject({ orderId, state: Reservation_State.RESERVED });
});

test('when a line is short nothing is held, and every short line is named', async () => {
  const orderId = uniqueName('o');
  await kafka.send(accepted(orderId, { 'p-13': 1, 'p-14': 1001, 'p-unknown': 7 }));
  const [record] = await repliesOf(orderId, 1);
  const event = fromBinary(InventoryUnavailableSchema, record?.value ?? new Uint8Array());
  expect(record?.headers['ce_id']).toBe(`${orderId}/InventoryUnavailable`);
  expect(event.shortages).toMatchObject([
    { productId: 'p-14', available: 1000n, requested: 1001n },
    { productId: 'p-unknown', available: 0n, requested: 7n },
  ]);
  expect(await stockOf('p-13')).toEqual({ onHand: 1000n, reserved: 0n, committed: 0n });
  const { reservation } = await inventory.client.getReservation({ orderId });
  expect(reservation).toMatchObject({
    state: Reservation_State.UNAVAILABLE,
    lines: [{ productId: 'p-13' }, { productId: 'p-14', available: 1000n }, { available: 0n }],
  });
  expect(reservation?.lines[0]?.available).toBeUndefined();
});

test('confirmed goods leave the shelf, once', async () => {
  const orderId = uniqueName('o');
  const [confirm, after] = [confirmed(orderId), uniqueName('o')];
  await kafka.send(accepted(orderId, { 'p-15': 4 }), confirm, confirm);
  await kafka.send(confirm, accepted(orderId, { 'p-15': 4 }), cancelRequested(after));
  await repliesOf(after, 1);
  const records = await repliesOf(orderId, 2);
  expect(idsOf(records)).toEqual([`${orderId}/InventoryReserved`, `${orderId}/InventoryCommitted`]);
  expect(fromBinary(InventoryCommittedSchema, records[1]?.value ?? new Uint8Array()).orderId).toBe(orderId);
  expect(await stockOf('p-15')).toEqual({ onHand: 996n, reserved: 0n, committed: 4n });
});

test('a cancelled order gives its stock back, once', async () => {
  const orderId = uniqueName('o');
  await kafka.send(accepted(orderId, { 'p-16': 4 }), cancelRequested(orderId), cancelRequested(orderId));
  const records = await repliesOf(orderId, 2);
  expect(idsOf(records)).toEqual([`${orderId}/InventoryReserved`, `${orderId}/InventoryReleased`]);
  expect(fromBinary(InventoryReleasedSchema, records[1]?.value ?? new Uint8Array()).orderId).toBe(orderId);
  expect(await stockOf('p-16')).toEqual({ onHand: 1000n, reserved: 0n, committed: 0n });
});

test('an order that is cancelled before it is accepted gets a reply, and is never reserved', async () => {
  const orderId = uniqueName('o');
  await kafka.send(cancelRequested(orderId));
  await repliesOf(orderId, 1);
  await kafka.send(accepted(orderId, { 'p-17': 4 }), accepted(orderId, { 'p-17': 4 }, { requery: true }));
  const records = await repliesOf(orderId, 2);
  expect(idsOf(records)).toEqual([`${orderId}/InventoryReleased`, `${orderId}/InventoryReleased`]);
  expect(await stockOf('p-17')).toEqual({ onHand: 1000n, reserved: 0n, committed: 0n });
});

test.each([
  ['OrderAccepted', (orderId: string) => accepted(orderId, { 'p-18': 1 }, { requery: true })],
  ['OrderReserved', (orderId: string) => reserved(orderId, { requery: true })],
])('after %s the same event is republished; the work is done once', async (_, askAgain) => {
  const orderId = uniqueName('o');
  const before = await stockOf('p-18');
  await kafka.send(accepted(orderId, { 'p-18': 1 }, { requery: true }), reserved(orderId));
  await repliesOf(orderId, 1);
  await kafka.send(askAgain(orderId));
  const [first, second] = await repliesOf(orderId, 2);
  expect(second?.headers).toMatchObject({
    ce_id: first?.headers['ce_id'],
    ce_time: first?.headers['ce_time'],
  });
  expect(second?.value).toEqual(first?.value);
  expect(await stockOf('p-18')).toEqual({ ...before, reserved: (before.reserved ?? 0n) + 1n });
});

test('unreadable and contradictory events are dead-lettered; events for other services are ignored', async () => {
  const [orderId, other] = [uniqueName('o'), uniqueName('o')];
  const unreadable = { ...toRecord(accepted(orderId, { 'p-19': 1 })), value: Buffer.from('nonsense') };
  const nameless = toRecord(accepted('', { 'p-19': 1 }));
  const empty = toRecord(accepted(orderId, {}));
  const unknown = toRecord(accepted(orderId, { 'p-19': 1 }));
  await kafka.sendRecords(unreadable, nameless, empty, {
    ...unknown,
    headers: { ce_type: 'orderflow.order.event.v1.OrderFramed' },
  });
  await kafka.send(confirmed(orderId));
  await kafka.send(accepted(other, { 'p-19': 2 }), confirmed(other), cancelRequested(other));
  await repliesOf(other, 2);
  await eventually(() => expect(kafka.deadLetters()).toHaveLength(5));
  const letters = Map.groupBy(kafka.deadLetters(), ({ headers }) => headers['dlq_reason']);
  expect(letters.get('MALFORMED_PROTOBUF')).toHaveLength(3);
  expect(
    letters
      .get('CONTRADICTORY_EVENT')
      ?.map(({ headers }) => headers['dlq_detail'])
      .sort(),
  ).toEqual([
    'the order is confirmed, and nothing was ever reserved for it',
    'the order is to be cancelled, and its reservation is COMMITTED',
  ]);
  expect(repliesTo(orderId)).toEqual([]);
  expect(await stockOf('p-19')).toEqual({ onHand: 998n, reserved: 0n, committed: 2n });
});
