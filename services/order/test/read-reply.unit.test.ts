import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import {
  PaymentProcessedSchema,
  PaymentRefundedSchema,
} from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import { encodeEvent } from '@orderflow/messaging';
import { expect, test } from 'vitest';
import { readReply } from '../src/inbound/kafka/read-reply.ts';

function readEvent<Desc extends DescMessage>(schema: Desc, event: MessageShape<Desc>) {
  const about = { id: 'o-1/an event', source: '/orderflow/payment', subject: 'o-1', time: new Date() };
  const { value, headers } = encodeEvent(schema, event, about);
  const position = { topic: 'payment-events', partition: 0, offset: 7n, timestamp: new Date() };
  return readReply({ ...position, key: null, value: Buffer.from(value), headers, rawHeaders: {} });
}

function detailOf(said: MessageInitShape<typeof PaymentRefundedSchema>): string | undefined {
  return readEvent(PaymentRefundedSchema, create(PaymentRefundedSchema, { orderId: 'o-1', ...said }))?.detail;
}

test('the history says who requested the refund, why, and whether the gateway made it', () => {
  expect(detailOf({ reason: 'came broken', callerId: 'anna' })).toBe('refunded by anna: came broken');
  expect(detailOf({ reason: 'bank transfer', callerId: 'ben', settledByHand: true })).toBe(
    'settled by hand by ben: bank transfer',
  );
  expect(detailOf({})).toBeUndefined();
});

test('a charge is read with its currency, and is none without an amount', () => {
  const processed = (amount?: { units: bigint; nanos: number; currencyCode: string }) =>
    readEvent(PaymentProcessedSchema, create(PaymentProcessedSchema, { orderId: 'o-1', amount }))?.charged;
  const [units, nanos] = [107n, 990_000_000];
  expect(processed({ units, nanos, currencyCode: 'EUR' })).toEqual({ amount: 10_799n, currency: 'EUR' });
  expect(processed({ units, nanos, currencyCode: '' })).toEqual({ amount: 10_799n, currency: '' });
  expect(() => processed({ units, nanos: 1, currencyCode: 'EUR' })).toThrow('how much was charged');
  expect(() => processed()).toThrow('how much was charged');
});
