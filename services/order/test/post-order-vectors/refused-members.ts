import { invalid, items, type OrderVector, order } from './vector.ts';

const unread = { status: 400, error: 'malformed_request' };

export const refusedMembers: OrderVector[] = [
  {
    name: 'members that do not exist',
    json: {
      ...order,
      coupon: 'x',
      customer: { user_id: 'c-1', vip: true },
      items: [{ product_id: 'p-1', colour: 'red', price: { cents: 1 } }],
    },
    ...invalid,
    violations: [
      ['coupon', 'json.unknown_field'],
      ['customer.vip', 'json.unknown_field'],
      ['items[0].colour', 'json.unknown_field'],
      ['items[0].price.cents', 'json.unknown_field'],
    ],
  },
  {
    name: 'members beside an order',
    json: { order: { ...order, items, coupon: 'x' }, customer_id: 'c-1' },
    ...invalid,
    violations: [
      ['customer_id', 'json.unknown_field'],
      ['order.coupon', 'json.unknown_field'],
    ],
  },
  {
    name: 'what is wrong inside of order',
    json: { order: { orderId: 'o 1', items: [{ productId: 'p-1', quantity: 0 }] } },
    ...invalid,
    violations: [
      ['order.orderId', 'string.pattern'],
      ['order.customer_id', 'string.min_len'],
      ['order.items[0].quantity', 'int64.gte_lte'],
    ],
  },
  {
    name: 'everything at once',
    json: {
      orderId: 'o 1',
      coupon: 'x',
      items: [{ name: 'Laptop' }, { productId: 'p-1', quantity: 0 }, { sku: 'x', price: -1, quantity: 1.5 }],
    },
    ...invalid,
    violations: [
      ['coupon', 'json.unknown_field'],
      ['items[0].productId', 'product_reference_invalid'],
      ['items[2].quantity', 'json.type'],
      ['items[2].price', 'quoted_price_invalid'],
      ['orderId', 'string.pattern'],
      ['customer_id', 'string.min_len'],
      ['items[1].quantity', 'int64.gte_lte'],
    ],
  },
  {
    name: 'prices and products that an order would be rejected for',
    json: { ...order, items: [{ name: 'Laptop' }, { sku: 'x', price: -1 }] },
    status: 422,
    error: 'order_refused',
    violations: [
      ['items[0].product_id', 'product_reference_invalid'],
      ['items[1].price', 'quoted_price_invalid'],
    ],
  },
  {
    name: 'an order id in both spellings',
    json: { ...order, orderId: 'o-1', items },
    ...invalid,
    violations: [['orderId', 'json.repeated_field']],
  },
  {
    name: 'a member twice',
    raw: '{"customer_id":"c-1","items":[{"sku":"x"}],"customer\\u005fid":"c-2"}',
    ...invalid,
    violations: [['customer_id', 'json.repeated_field']],
    says: 'twice',
  },
  {
    name: 'a member twice inside',
    raw: '{"customer_id":"c-1","items":[{"sku":"x","name":"a","name":"b"}]}',
    ...invalid,
    violations: [['name', 'json.repeated_field']],
  },
  {
    name: 'half a character',
    raw: '{"customer_id":"\\ud800","items":[{"sku":"\\udc00"}]}',
    ...invalid,
    violations: [
      ['customer_id', 'json.type'],
      ['items[0].sku', 'json.type'],
    ],
  },
  {
    name: 'a NUL',
    json: { order_id: 'o\0', customer_id: 'c\0', items: [{ sku: 's\0' }] },
    ...invalid,
    violations: [
      ['order_id', 'string.pattern'],
      ['customer_id', 'string.pattern'],
      ['items[0].sku', 'string.pattern'],
    ],
  },
  {
    name: 'ids of other types',
    json: { order_id: 1.5, customer_id: 1e21, items: [{ product_id: true }, { sku: ['x'] }] },
    ...invalid,
    violations: [
      ['order_id', 'json.type'],
      ['customer_id', 'json.type'],
      ['items[0].product_id', 'json.type'],
      ['items[1].sku', 'json.type'],
    ],
  },
  {
    name: 'a long order id',
    json: { ...order, order_id: 'x'.repeat(65), items },
    ...invalid,
    violations: [['order_id', 'string.pattern']],
  },
  {
    name: 'a validate_only that is a text',
    json: { ...order, items, validate_only: 'true' },
    ...invalid,
    violations: [['validate_only', 'json.type']],
  },
  {
    name: 'another request id than the key',
    json: { ...order, items, requestId: 'r-1' },
    headers: { 'idempotency-key': 'k-1' },
    ...invalid,
    violations: [['request_id', 'json.contradiction']],
  },
  {
    name: '__proto__',
    raw: '{"__proto__":{"customer_id":"c-1"},"constructor":1,"items":[{"sku":"x"}]}',
    ...invalid,
    violations: [
      ['__proto__', 'json.unknown_field'],
      ['constructor', 'json.unknown_field'],
      ['customer_id', 'string.min_len'],
    ],
  },
  { name: 'a list', json: [{ ...order, items }], ...unread, says: 'not a JSON object' },
  { name: 'no JSON', raw: '{"order_id":', ...unread, says: 'not JSON' },
  {
    name: 'too many values',
    json: { ...order, items: [{ name: Array(8000).fill(0) }] },
    ...invalid,
    says: 'values',
  },
  {
    name: 'too many bytes',
    json: { ...order, email: 'x'.repeat(900_000), items },
    status: 413,
    error: 'message_too_large',
  },
];
