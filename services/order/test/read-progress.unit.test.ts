import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  type CancelReason,
  file_orderflow_order_event_v1_order_events as file,
  OrderCancelledSchema,
  OrderReservedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { encodeEvent, type OutboxMessage, type ReceivedRecord } from '@orderflow/messaging';
import { expect, test } from 'vitest';
import { readProgress } from '../src/inbound/kafka/read-progress.ts';
import { decisionEvent, type SagaEventName, sagaEvent } from '../src/outbound/kafka/order-event.ts';
import { decide, submission } from './kit.ts';
import { sagaOrder } from './saga-kit.ts';

const time = new Date('2026-11-22T12:00:01.000Z');

function received({ value, headers }: Pick<OutboxMessage, 'value' | 'headers'>): ReceivedRecord {
  const where = { topic: 'order-events', partition: 0, offset: 0n };
  return { ...where, key: null, value: Buffer.from(value), headers, rawHeaders: {}, timestamp: time };
}

function publish(name: SagaEventName) {
  const order = sagaOrder({ cancelReason: 'OUT_OF_STOCK', transactionId: 'tx-1' });
  return readProgress(received(sagaEvent(name, order, { version: 3, time, traceparent: undefined })));
}

test.each([
  ['OrderReserved', { state: 'RESERVED', payment: { state: 'AWAITED', transactionId: '' } }],
  ['OrderConfirmed', { state: 'CONFIRMED', payment: { state: 'CHARGED', transactionId: 'tx-1' } }],
  ['OrderCompleted', { state: 'COMPLETED', payment: { state: 'CHARGED', transactionId: 'tx-1' } }],
  ['OrderRefunded', { state: 'COMPLETED', payment: { state: 'REFUNDED', transactionId: 'tx-1' } }],
  ['OrderCancelRequested', { state: 'CANCELLING', cancelReason: 'OUT_OF_STOCK' }],
  ['OrderCancelled', { state: 'CANCELLED', cancelReason: 'OUT_OF_STOCK' }],
] as const)('%s is read as it is published', (event, expected) => {
  expect(publish(event)).toMatchObject({ orderId: 'o-1', version: 3, event, time, ...expected });
});

test('a decision is read as it was published', () => {
  const accepted = decide(submission());
  const rejected = decide(submission({ customerId: '' }));
  const published = (order: typeof accepted) =>
    readProgress(received(decisionEvent(order, { version: 1, traceparent: undefined })));
  expect(published(accepted)).toMatchObject({
    event: 'OrderAccepted',
    state: 'ACCEPTED',
    time: accepted.decideTime,
  });
  expect(published(rejected)).toMatchObject({
    event: 'OrderRejected',
    state: 'REJECTED',
    payment: undefined,
  });
});

test('no event of the contract is forgotten', () => {
  const events = file.messages.filter(({ name }) => name.startsWith('Order') && name !== 'OrderedLine');
  expect(events).toHaveLength(8);
  for (const { typeName } of events) {
    const record = received({ value: new Uint8Array(), headers: { ce_type: typeName } });
    expect(() => readProgress(record), typeName).toThrow('no order id');
  }
});

test('an event of another type is for others, and one that lies about its type cannot be read', () => {
  const headers = { ce_type: 'orderflow.order.event.v1.OrderDreamt' };
  expect(readProgress(received({ value: new Uint8Array(), headers }))).toBeUndefined();
  const broken = { value: Uint8Array.of(0xff, 0xff), headers: { ce_type: OrderReservedSchema.typeName } };
  expect(() => readProgress(received(broken))).toThrow();
});

test('a reason that came after this code is none', () => {
  const schema = OrderCancelledSchema;
  const content = {
    orderId: 'o-1',
    version: 1n,
    cancelTime: timestampFromDate(time),
    reason: 99 as CancelReason,
  };
  const about = { id: 'o-1/1', source: '/test', subject: 'o-1', time };
  expect(readProgress(received(encodeEvent(schema, create(schema, content), about)))).toMatchObject({
    state: 'CANCELLED',
    cancelReason: undefined,
  });
});
