import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { PaymentRefundedSchema } from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import { encodeEvent } from '@orderflow/messaging';
import { expect, test } from 'vitest';
import { readAnswer } from '../src/inbound/kafka/read-answer.ts';

function detailOf(said: MessageInitShape<typeof PaymentRefundedSchema>): string | undefined {
  const about = { id: 'o-1/PaymentRefunded', source: '/orderflow/payment', subject: 'o-1', time: new Date() };
  const event = create(PaymentRefundedSchema, { orderId: 'o-1', ...said });
  const { value, headers } = encodeEvent(PaymentRefundedSchema, event, about);
  const place = { topic: 'payment-events', partition: 0, offset: 7n, timestamp: new Date() };
  return readAnswer({ ...place, key: null, value: Buffer.from(value), headers, rawHeaders: {} })?.detail;
}

test('the history says who had the money given back, why, and whether the gateway did it', () => {
  expect(detailOf({ reason: 'came broken', callerId: 'anna' })).toBe('refunded by anna: came broken');
  expect(detailOf({ reason: 'bank transfer', callerId: 'ben', settledByHand: true })).toBe(
    'settled by hand by ben: bank transfer',
  );
  expect(detailOf({})).toBeUndefined();
});
