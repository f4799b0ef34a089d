import { customer, id, type Vector } from './vector.ts';

export const errors: Vector[] = [
  {
    send: 'GET /orders/missing',
    call: ['GetOrder', id('missing')],
    status: 404,
    body: {
      title: 'Not Found',
      status: 404,
      detail: 'no order has the id missing',
      error: 'order_not_found',
      message: 'no order has the id missing',
      code: 'not_found',
      metadata: { order_id: 'missing' },
    },
  },
  {
    send: 'GET /orders/refused',
    call: ['GetOrder', id('refused')],
    status: 422,
    error: 'order_refused',
    body: {
      code: 'failed_precondition',
      violations: [
        { field: 'lines[0].quantity', reason: 'product_not_found', message: 'available: 15' },
        { field: 'lines[1].quantity', reason: 'out_of_stock', message: 'available: 15' },
      ],
    },
  },
  {
    send: 'GET /orders/short',
    call: ['GetOrder', id('short')],
    status: 422,
    error: 'insufficient_inventory',
    fields: ['lines[0].quantity', 'lines[1].quantity'],
    body: { code: 'failed_precondition' },
  },
  // Not all of them fit into an error, so the others may have another reason.
  {
    send: 'GET /orders/very-short',
    call: ['GetOrder', id('very-short')],
    status: 422,
    error: 'order_refused',
  },
  {
    send: 'GET /orders/unknown-product',
    call: ['GetOrder', id('unknown-product')],
    status: 422,
    error: 'product_not_found',
  },
  {
    send: 'GET /orders/paid',
    call: ['GetOrder', id('paid')],
    status: 409,
    error: 'order_not_cancellable',
    body: { title: 'Conflict', metadata: { state: 'CONFIRMED' } },
  },
  {
    send: 'PUT /customers/c-1',
    json: { ...customer, version: 7 },
    call: ['PutCustomer', { customer: { customerId: 'c-1', ...customer, version: '7' } }],
    status: 412,
    error: 'version_mismatch',
  },
  {
    send: 'GET /orders/bug',
    call: ['GetOrder', id('bug')],
    status: 500,
    error: 'internal',
    body: { message: '' },
  },
  { send: 'GET /orders/nothing', call: ['GetOrder', id('nothing')], body: {} },
  {
    send: 'GET /orders/debt',
    call: ['GetOrder', id('debt')],
    body: {
      total: { currencyCode: 'USD', amount: '-0.05' },
      refunded: false,
      version: '9007199254740993',
    },
  },
  { send: 'GET /products', status: 501, error: 'unimplemented' },
  {
    send: 'GET /orders/o-1',
    headers: { 'connect-timeout-ms': '0' },
    status: 504,
    error: 'deadline_exceeded',
  },
  {
    send: 'GET /orders/o-1',
    headers: { 'connect-timeout-ms': '120000' },
    status: 400,
    error: 'malformed_request',
    says: 'deadline',
  },
  {
    send: 'GET /orders/o-1',
    headers: { 'connect-timeout-ms': 'soon' },
    status: 400,
    error: 'malformed_request',
  },
];
