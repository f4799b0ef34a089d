import { create, fromBinary } from '@bufbuild/protobuf';
import { MoneySchema } from '@orderflow/contracts/google/type/money';
import { expect, test } from 'vitest';
import { encodeEvent, readEnvelope } from '../src/index.ts';
import { kafkaErrorType } from '../src/kafka-error.ts';
import { receivedRecord } from '../src/received-record.ts';

const about = {
  id: 'o-1/1',
  source: '/orderflow/order',
  subject: 'o-1',
  time: new Date('2026-01-02T03:04:05.678Z'),
};

test('an event is the bare message with CloudEvents headers in binary mode, and reads back', () => {
  const message = create(MoneySchema, { currencyCode: 'USD', units: 5n });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const event = encodeEvent(MoneySchema, message, { ...about, traceparent });

  expect(event.headers).toEqual({
    ce_specversion: '1.0',
    ce_id: 'o-1/1',
    ce_type: 'google.type.Money',
    ce_source: '/orderflow/order',
    ce_subject: 'o-1',
    ce_time: '2026-01-02T03:04:05.678Z',
    'content-type': 'application/protobuf',
    traceparent,
  });
  expect(fromBinary(MoneySchema, event.value)).toEqual(message);
  expect(readEnvelope(event.headers)).toEqual({
    ...about,
    type: 'google.type.Money',
    specversion: '1.0',
    contentType: 'application/protobuf',
    traceparent,
  });
  expect(encodeEvent(MoneySchema, message, about).headers).not.toHaveProperty('traceparent');
});

test('headers of any shape are read as far as possible, without an error', () => {
  expect(readEnvelope(undefined)).toEqual({});
  expect(
    readEnvelope({
      ce_id: Buffer.from('bytes'),
      ce_type: ['first', Buffer.from('last')],
      ce_source: [],
      ce_subject: null,
      ce_time: 'yesterday, or so',
      ce_specversion: 1,
      'content-type': new Uint8Array([0x61]),
      traceparent: { toString: 1 },
    }),
  ).toEqual({ id: 'bytes', type: 'last', contentType: 'a' });
});

test('a record with odd headers and an impossible time is still a record', () => {
  const headers = { plain: Buffer.from('a'), twice: [Buffer.from('b'), Buffer.from('c')], none: undefined };
  const message = { key: null, value: null, attributes: 0, offset: '9007199254740993', headers };
  const record = receivedRecord('inbox', 2, { ...message, timestamp: '9223372036854775807' });
  expect(record).toMatchObject({
    offset: 9007199254740993n,
    headers: { plain: 'a', twice: 'c' },
    rawHeaders: headers,
  });
  expect(record.headers).not.toHaveProperty('none');
  expect(record.timestamp.toISOString()).toBe('1970-01-01T00:00:00.000Z');
});

test('the type of a Kafka error is found under what kafkajs wrapped around it', () => {
  const protocolError = Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE' });
  expect(kafkaErrorType(new Error('gave up', { cause: new Error('again', { cause: protocolError }) }))).toBe(
    'MESSAGE_TOO_LARGE',
  );
  expect(kafkaErrorType(new Error('other'))).toBeUndefined();
  expect(kafkaErrorType('no error at all')).toBeUndefined();
});
