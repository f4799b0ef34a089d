import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { asyncApiOf } from '@orderflow/asyncapi';
import { topics } from '@orderflow/contracts';
import { OrderReservedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { Stores, TopicRecord } from '@orderflow/local/stores';
import { encodeEvent } from '@orderflow/messaging';
import { expect, test } from 'vitest';
import { compareWithDocument } from '../src/described-events.ts';

const time = new Date('2026-11-22T21:14:03.120Z');
const fields = { orderId: 'o-1', version: 2n, customerId: 'c-1', reserveTime: timestampFromDate(time) };
const about = { id: 'o-1/2', source: '/orderflow/order', subject: 'o-1', time };

function recordOf(init: MessageInitShape<typeof OrderReservedSchema> = fields): TopicRecord {
  const { headers, value } = encodeEvent(OrderReservedSchema, create(OrderReservedSchema, init), about);
  return { partition: 0, offset: '0', key: Buffer.from('o-1'), value: Buffer.from(value), headers };
}

function problemsOf(record: TopicRecord, topic: string = topics.orderEvents) {
  const stores = {
    readTopic: async (name: string) => (name === topic ? [record] : []),
    deadLetters: async () => [],
  } as unknown as Stores;
  return compareWithDocument(stores, asyncApiOf());
}

test('an event that is as the document says is no problem, and was seen', async () => {
  expect(await problemsOf(recordOf())).toEqual({
    problems: [],
    seen: new Set(['orderflow.order.event.v1.OrderReserved']),
  });
});

const whole = recordOf();
const { ce_time: _, ...withoutTime } = whole.headers;
const { $typeName: __, ...reserved } = create(OrderReservedSchema, fields);
const unknown = { no: 99, wireType: 0, data: new Uint8Array([1]) };

test.for<[string, TopicRecord, RegExp, topic?: string]>([
  ['without its customer', recordOf({ ...fields, customerId: '' }), /required property 'customerId'/],
  ['without its version', recordOf({ ...fields, version: 0n }), /required property 'version'/],
  ['without its time', { ...whole, headers: withoutTime }, /required property 'ce_time'/],
  [
    'of another source',
    { ...whole, headers: { ...whole.headers, ce_source: '/orderflow/payment' } },
    /headers: .*constant/,
  ],
  [
    'with an id of another form',
    { ...whole, headers: { ...whole.headers, ce_id: 'o-1' } },
    /headers: .*pattern/,
  ],
  [
    'with a header that is not described',
    { ...whole, headers: { ...whole.headers, trace: '1' } },
    /additional properties/,
  ],
  ['with the key of another order', { ...whole, key: Buffer.from('o-2') }, /the key is not the subject/],
  ['without a key', { ...whole, key: null }, /the key is not the subject/],
  ['without a value', { ...whole, value: null }, /no event of the contracts, or has no value/],
  [
    'that the contract does not have',
    { ...whole, headers: { ...whole.headers, ce_type: 'a.B' } },
    /a\.B is no event/,
  ],
  [
    'on the topic of another service',
    whole,
    /the channel paymentEvents has no OrderReserved/,
    topics.paymentEvents,
  ],
  [
    'with a field that the contract does not have',
    {
      ...whole,
      value: Buffer.from(
        toBinary(OrderReservedSchema, { ...create(OrderReservedSchema, reserved), $unknown: [unknown] }),
      ),
    },
    /fields that the contract does not/,
  ],
])('an event %s is a problem', async ([, record, expected, topic]) => {
  const { problems } = await problemsOf(record, topic);
  expect(problems.join('\n')).toMatch(expected);
});
