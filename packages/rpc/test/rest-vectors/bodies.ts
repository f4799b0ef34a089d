import { gzipSync } from 'node:zlib';
import { cancelled, customer, gzipped, id, jsonType, type Vector } from './vector.ts';

export const bodies: Vector[] = [
  { send: 'POST /orders/o-1/cancel', call: ['CancelOrder', id('o-1')] },
  { send: 'POST /orders/o-1/cancel', headers: jsonType, call: ['CancelOrder', id('o-1')] },
  { send: 'POST /orders/o-1/cancel', json: {}, call: ['CancelOrder', id('o-1')] },
  { send: 'POST /orders/o-1/cancel', json: { reason: 'late' }, call: ['CancelOrder', cancelled('o-1')] },
  { send: 'POST /orders/o-1/cancel', json: { reason: null }, call: ['CancelOrder', id('o-1')] },
  {
    send: 'POST /orders/o-1/cancel',
    json: { order_id: 'o-1', reason: 'late', requestId: 'r-1' },
    call: ['CancelOrder', { ...cancelled('o-1'), requestId: 'r-1' }],
  },
  {
    send: 'POST /orders/o-1/cancel',
    headers: { 'content-type': 'Application/JSON; charset="UTF-8"' },
    raw: ' {"reason" : "l\\u0061te"} ',
    call: ['CancelOrder', cancelled('o-1')],
  },
  {
    send: 'POST /orders/o-1/cancel',
    headers: gzipped,
    raw: gzipSync('{"reason":"late"}'),
    call: ['CancelOrder', cancelled('o-1')],
  },
  {
    send: 'POST /orders/o-1/cancel',
    headers: { ...jsonType, 'transfer-encoding': 'chunked' },
    raw: '{"reason":"late"}',
    call: ['CancelOrder', cancelled('o-1')],
  },
  {
    send: 'POST /orders/o-1/cancel',
    headers: { 'idempotency-key': 'k-1' },
    json: { reason: 'late' },
    call: ['CancelOrder', { ...cancelled('o-1'), requestId: 'k-1' }],
  },
  {
    send: 'DELETE /orders/o-1',
    headers: { 'idempotency-key': '"k \\"1\\""' },
    call: ['CancelOrder', { orderId: 'o-1', requestId: 'k "1"' }],
  },
  {
    send: 'POST /orders/o-1/cancel',
    headers: { 'idempotency-key': 'k-1' },
    json: { request_id: 'k-1' },
    call: ['CancelOrder', { orderId: 'o-1', requestId: 'k-1' }],
  },
  { send: 'GET /orders/o-1', headers: { 'idempotency-key': 'k-1' }, call: ['GetOrder', id('o-1')] },
  {
    send: 'PUT /customers/c-1',
    json: customer,
    call: ['UpdateCustomer', { customer: { customerId: 'c-1', ...customer } }],
    body: { customerId: 'c-1', ...customer, active: false, version: 0 },
  },
  {
    send: 'PUT /customers/c-1?request_id=r-1',
    json: { ...customer, customer_id: 'c-1', version: 3 },
    call: [
      'UpdateCustomer',
      { customer: { customerId: 'c-1', ...customer, version: '3' }, requestId: 'r-1' },
    ],
  },
  {
    send: 'POST /customers',
    json: { ...customer, customerId: 'c-2', active: true },
    call: ['CreateCustomer', { customer: { customerId: 'c-2', ...customer, active: true } }],
  },
  {
    send: 'PUT /inventory/p-1',
    json: { onHand: 20, reason: 'count' },
    call: ['SetStock', { productId: 'p-1', onHand: '20', reason: 'count' }],
    body: { productId: 'p-1', onHand: 20, reserved: 0, available: 0, committed: 0 },
  },
  {
    // Without its adapter, which the order service has.
    send: 'POST /orders',
    json: { orderId: 'o-1', customerId: 'c-1', lines: [{ sku: 'x', quantity: 2 }] },
    call: ['CreateOrder', { orderId: 'o-1', customerId: 'c-1', lines: [{ sku: 'x', quantity: '2' }] }],
  },
  {
    send: 'PUT /inventory/p-1',
    json: { on_hand: '20', reason: 'count' },
    call: ['SetStock', { productId: 'p-1', onHand: '20', reason: 'count' }],
  },
];

/** Bodies that are refused. */
export const badBodies: Vector[] = [
  ...(
    [
      [{ because: 'late' }, ['because'], 'the fields are order_id, reason, request_id'],
      [{ a: 1, b: { c: 2 }, reason: 'x' }, ['a', 'b'], 'does not exist'],
      [{ orderId: 'o-2' }, ['order_id'], 'differs from the order_id of the path'],
      [{ order_id: 'o-1', orderId: 'o-1' }, ['order_id'], 'given twice'],
      [{ reason: 'x'.repeat(257) }, ['reason'], 'at most 256'],
      [JSON.parse('{"__proto__":{"reason":"x"}}'), ['__proto__'], 'does not exist'],
    ] as const
  ).map(([json, fields, says]) => ({
    send: 'POST /orders/o-1/cancel',
    json,
    status: 400,
    error: 'invalid_request',
    fields,
    says,
  })),
  {
    send: 'POST /orders/o-1/cancel',
    headers: { 'idempotency-key': 'k-1' },
    json: { requestId: 'k-2' },
    status: 400,
    error: 'invalid_request',
    fields: ['request_id'],
    says: 'Idempotency-Key',
  },
  {
    send: 'PUT /customers/c-1',
    json: { ...customer, nickname: 'A' },
    status: 400,
    error: 'invalid_request',
    fields: ['customer.nickname'],
  },
  {
    send: 'PUT /customers/c-1',
    json: { name: '', email: 'nobody' },
    status: 400,
    error: 'invalid_request',
    fields: ['customer.name', 'customer.email'],
  },
  // Together with what breaks rules of the contract.
  {
    send: 'PUT /customers/c-1?request_ids=r',
    json: { name: '', email: 'nobody', nickname: 'A' },
    status: 400,
    error: 'invalid_request',
    fields: ['request_ids', 'customer.nickname', 'customer.name', 'customer.email'],
    body: { metadata: { violations: '4' } },
  },
  {
    send: 'POST /orders',
    json: {
      colour: 'red',
      lines: [
        { size: 'L', quantity: 0 },
        { sku: 'x', quantity: 10_001 },
      ],
    },
    status: 400,
    error: 'invalid_request',
    fields: [
      'colour',
      'lines[0].size',
      'customer_id',
      'lines[0].quantity',
      'lines[0].reference',
      'lines[1].quantity',
    ],
  },
  // What is refused is not also missing.
  {
    send: 'PUT /customers/c-1?reason=x',
    json: { nickname: 'A' },
    status: 400,
    error: 'invalid_request',
    fields: ['reason', 'customer.nickname', 'customer.name', 'customer.email'],
  },
  {
    send: 'PUT /customers/c-1?customer.name=Ann',
    json: customer,
    status: 400,
    error: 'invalid_request',
    fields: ['customer.name'],
  },
  {
    send: 'POST /orders/o-1/cancel?reason=late',
    status: 400,
    error: 'invalid_request',
    fields: ['reason'],
    says: 'takes no query parameters',
  },
  {
    send: 'DELETE /orders/o-1',
    json: { reason: 'late' },
    status: 400,
    error: 'invalid_request',
    fields: ['body'],
    says: 'use the query',
  },
  {
    send: 'GET /orders/o-1',
    json: { reason: 'late' },
    status: 400,
    error: 'invalid_request',
    fields: ['body'],
  },
  ...(
    [
      ['{"reason":', 'not JSON'],
      ['reason=late', 'not JSON'],
      ['[]', 'not a JSON object'],
      ['null', 'not a JSON object'],
      ['"late"', 'not a JSON object'],
      ['{"reason":5}', 'reason'],
      ['{"reason":["late"]}', 'reason'],
      [Buffer.from('{"reason":"\xff"}', 'latin1'), 'not UTF-8'],
      ['\ufeff{}', 'not JSON'],
    ] as const
  ).map(([raw, says]) => ({
    send: 'POST /orders/o-1/cancel',
    headers: jsonType,
    raw,
    status: 400,
    error: 'malformed_request',
    says,
  })),
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=latin1',
    'application/proto',
    'nonsense',
  ].map((type) => ({
    send: 'POST /orders/o-1/cancel',
    headers: { 'content-type': type },
    raw: '{}',
    status: 415,
    error: 'unsupported_media_type',
    says: 'application/json',
  })),
  {
    send: 'POST /orders/o-1/cancel',
    raw: '{"reason":"late"}',
    status: 415,
    error: 'unsupported_media_type',
    says: 'content-type: application/json',
  },
  {
    send: 'POST /orders/o-1/cancel',
    headers: { ...jsonType, 'content-encoding': 'deflate' },
    raw: '{}',
    status: 415,
    error: 'unsupported_media_type',
    says: 'gzip',
    responseHeaders: { 'accept-encoding': 'gzip, br' },
  },
  {
    send: 'POST /orders/o-1/cancel',
    headers: gzipped,
    raw: '{"reason":"late"}',
    status: 400,
    error: 'malformed_request',
  },
  {
    send: 'POST /orders/o-1/cancel',
    json: { reason: 'x'.repeat(40_000) },
    status: 413,
    error: 'message_too_large',
    says: '32768',
  },
  {
    send: 'POST /orders/o-1/cancel',
    headers: gzipped,
    raw: gzipSync(JSON.stringify({ reason: 'x'.repeat(5_000_000) })),
    status: 413,
    error: 'message_too_large',
  },
  {
    send: 'POST /orders/o-1/cancel',
    headers: jsonType,
    raw: `{"a":[${'0,'.repeat(9000)}0]}`,
    status: 400,
    error: 'invalid_request',
    says: '1000 values',
  },
  {
    send: 'PUT /inventory/p-1',
    json: { onHand: '9'.repeat(101), reason: 'count' },
    status: 400,
    error: 'malformed_request',
    says: '100 characters',
  },
];
