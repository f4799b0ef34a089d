import { create, type DescMessage, type JsonObject, type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import { ErrorInfoSchema, RetryInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import type { MoneySchema } from '@orderflow/contracts/google/type/money';
import { CustomerSchema } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import { Order_State, OrderSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import { expect, test } from 'vitest';
import { toRestJson } from '../src/rest/response-json.ts';

const written = <Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>) =>
  toRestJson(desc, create(desc, value));
const money = (value: MessageInitShape<typeof MoneySchema>) =>
  (written(OrderSchema, { total: value }) as JsonObject)['total'];

test('numbers and booleans are always there, other fields where they have a value', () => {
  expect(written(CustomerSchema, {})).toMatchObject({ active: false, version: 0 });
  expect(written(CustomerSchema, { customerId: 'c-1', active: true, version: -1n })).toEqual({
    customerId: 'c-1',
    active: true,
    version: -1,
  });
});

test.each([
  [9_007_199_254_740_991n, 9_007_199_254_740_991],
  [-9_007_199_254_740_991n, -9_007_199_254_740_991],
  [9_007_199_254_740_992n, '9007199254740992'],
  [-(2n ** 63n), '-9223372036854775808'],
])('a version of %s', (version, expected) => {
  expect(written(CustomerSchema, { version })['version']).toBe(expected);
});

test('states have their short name, and those of a later version their number', () => {
  expect(written(OrderSchema, { state: Order_State.PENDING })['state']).toBe('PENDING');
  expect(written(OrderSchema, { state: 99 as Order_State })['state']).toBe(99);
  expect(written(OrderSchema, { state: Order_State.UNSPECIFIED })).not.toHaveProperty('state');
});

test('of a oneof the chosen field is there, also when it is empty', () => {
  const reference = { case: 'sku', value: '' } as const;
  expect(written(OrderSchema, { lines: [{ reference }, {}] })['lines']).toEqual([
    { sku: '', quantity: 0 },
    { quantity: 0 },
  ]);
});

test.each([
  [toMoney(129_999n, 'USD'), { currencyCode: 'USD', amount: '1299.99' }],
  [toMoney(-5n, 'USD'), { currencyCode: 'USD', amount: '-0.05' }],
  [toMoney(-100n, 'USD'), { currencyCode: 'USD', amount: '-1.00' }],
  [{}, { amount: '0.00' }],
  [{ nanos: 1 }, { amount: '0.000000001' }],
  [{ units: 5n, nanos: 120_000_000 }, { amount: '5.12' }],
  [{ units: 5n, nanos: 125_000_000 }, { amount: '5.125' }],
])('money %#', (value, expected) => {
  expect(money(value)).toEqual(expected);
});

test('times, durations and maps are those of JSON', () => {
  const time = timestampFromDate(new Date('2026-11-29T09:00:00.120Z'));
  expect(written(OrderSchema, { createTime: time })['createTime']).toBe('2026-11-29T09:00:00.120Z');
  expect(written(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 500_000_000 } })).toEqual({
    retryDelay: '1.500s',
  });
  const info = { reason: 'X', metadata: { __proto__x: 'a', b: '' } };
  expect(written(ErrorInfoSchema, info)).toEqual(toJson(ErrorInfoSchema, create(ErrorInfoSchema, info)));
});
