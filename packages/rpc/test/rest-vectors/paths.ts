import { id, type Vector } from './vector.ts';

export const paths: Vector[] = [
  {
    send: 'GET /orders/o-1',
    call: ['GetOrder', id('o-1')],
    body: {
      orderId: 'o-1',
      customerId: 'c-1',
      state: 'COMPLETED',
      lines: [{ productId: 'p-1', quantity: 2, unitPrice: { currencyCode: 'USD', amount: '1299.99' } }],
      total: { currencyCode: 'USD', amount: '2807.98' },
      refunded: false,
      version: 4,
      createTime: '2026-11-29T09:00:00Z',
    },
  },
  { send: 'GET /api/v1/orders/o-1', call: ['GetOrder', id('o-1')] },
  { send: 'GET /api/v1/orders', call: ['ListOrders', {}] },
  { send: 'HEAD /orders/o-1', call: ['GetOrder', id('o-1')], body: '' },
  { send: 'GET /orders/o-1?', call: ['GetOrder', id('o-1')] },
  { send: 'GET /orders/.', call: ['GetOrder', id('.')] },
  { send: 'GET /orders/..', call: ['GetOrder', id('..')] },
  { send: 'GET /orders/...', call: ['GetOrder', id('...')] },
  { send: 'GET /orders/%2e%2e', call: ['GetOrder', id('..')] },
  { send: 'GET /orders/../status', call: ['GetOrderStatus', id('..')] },
  { send: 'GET /orders/a:b_c.d-e', call: ['GetOrder', id('a:b_c.d-e')] },
  { send: 'GET /orders/a%3Ab', call: ['GetOrder', id('a:b')] },
  { send: 'GET /orders/o%2D1', call: ['GetOrder', id('o-1')] },
  { send: 'GET /%6Frders/o-1', call: ['GetOrder', id('o-1')] },
  { send: 'GET /orders/status', call: ['GetOrder', id('status')] },
  { send: 'GET /orders/customer', call: ['GetOrder', id('customer')] },
  {
    send: 'GET /orders/o-1/status',
    call: ['GetOrderStatus', id('o-1')],
    body: { orderId: 'o-1', status: 'PENDING', updateTime: '2026-11-29T09:00:00Z' },
  },
  {
    send: 'GET /orders/o-1/history',
    call: ['GetOrderHistory', id('o-1')],
    body: { transitions: [{ revision: 1, state: 'PENDING', cause: 'CreateOrder' }] },
  },
  { send: 'GET /orders/customer/c-1', call: ['ListOrders', { customerId: 'c-1' }] },
  { send: 'GET /orders/customer/status', call: ['ListOrders', { customerId: 'status' }] },
  { send: 'GET /orders/customer/a%2Fb', call: ['ListOrders', { customerId: 'a/b' }] },
  { send: 'GET /orders/customer/a%20b+c', call: ['ListOrders', { customerId: 'a b+c' }] },
  { send: 'GET /orders/customer/%C3%A9%F0%9F%98%80', call: ['ListOrders', { customerId: 'é😀' }] },
  { send: 'GET /orders/customer/100%25', call: ['ListOrders', { customerId: '100%' }] },
  { send: 'GET /users/c-1/orders', call: ['ListOrders', { customerId: 'c-1' }] },
  { send: 'GET /customers/c-1', call: ['GetCustomer', { customerId: 'c-1' }] },
  { send: 'GET /customers/__proto__', call: ['GetCustomer', { customerId: '__proto__' }] },
  {
    send: 'GET /products/p-1',
    call: ['GetProduct', { productId: 'p-1' }],
    body: {
      productId: 'p-1',
      price: { currencyCode: 'USD', amount: '79.99' },
      state: 'ACTIVE',
      version: 0,
    },
  },
  { send: 'GET /products/sku/MOUSE001', call: ['GetProduct', { sku: 'MOUSE001' }] },
  {
    send: 'GET /inventory/p-1',
    call: ['GetStock', { productId: 'p-1' }],
    body: { productId: 'p-1', onHand: 15, reserved: 0, available: 15, committed: 0 },
  },
  {
    send: 'GET /payments/pay-1',
    call: ['GetPayment', { paymentId: 'pay-1' }],
    body: { paymentId: 'pay-1', state: 'PROCESSED', failReason: 'DECLINED', cancelRequested: false },
  },
  { send: 'GET /payments/order/o-1', call: ['GetPaymentByOrder', id('o-1')] },
  {
    send: 'GET /notifications/o-1.confirmed',
    call: ['GetNotification', { notificationId: 'o-1.confirmed' }],
    body: { notificationId: 'o-1.confirmed', kind: 'CONFIRMED', state: 'SENT', attempts: 1 },
  },
  { send: 'GET /payments/order', call: ['GetPayment', { paymentId: 'order' }] },
];

/** Paths that lead nowhere, or cannot be read. */
export const missingPaths: Vector[] = [
  ...[
    '/',
    '/orders/',
    '/orders//status',
    '/orders/o-1/',
    '/orders/o-1/nothing',
    '/orders/o-1/status/more',
    '/Orders/o-1',
    '//orders/o-1',
    '/api/v1',
    '/api/v1/',
    '/api/v1/api/v1/orders',
    '/api/v2/orders',
    '/orders%2Fo-1',
    '/constructor',
    '/%ff',
    `/${'a/'.repeat(2000)}`,
  ].map((path) => ({ send: `GET ${path}`, status: 404, error: 'route_not_found', says: 'does not exist' })),
  { send: 'GET /orders/o%zz', status: 400, error: 'malformed_request', says: 'order_id in the path' },
  { send: 'GET /orders/%', status: 400, error: 'malformed_request', says: 'order_id in the path' },
  { send: 'GET /orders/%ff', status: 400, error: 'malformed_request', says: 'order_id in the path' },
  { send: 'GET /orders/%C0%AE', status: 400, error: 'malformed_request', says: 'order_id in the path' },
  { send: 'GET /orders/a%20b', status: 400, error: 'invalid_request', fields: ['order_id'] },
  { send: 'GET /orders/a%00', status: 400, error: 'invalid_request', fields: ['order_id'] },
  { send: `GET /orders/${'x'.repeat(65)}`, status: 400, error: 'invalid_request', fields: ['order_id'] },
  { send: 'GET /inventory/%2e%2e%2f', status: 400, error: 'invalid_request', fields: ['product_id'] },
];

/** Paths that have other HTTP methods. */
export const methods: Vector[] = [
  ...(
    [
      ['POST /orders/o-1', 'DELETE, GET, HEAD'],
      ['PUT /orders/o-1', 'DELETE, GET, HEAD'],
      ['PATCH /orders/o-1', 'DELETE, GET, HEAD'],
      ['OPTIONS /orders/o-1', 'DELETE, GET, HEAD'],
      ['GET /orders/o-1/cancel', 'POST'],
      ['HEAD /orders/o-1/cancel', 'POST'],
      ['DELETE /orders', 'GET, HEAD, POST'],
      ['POST /customers/c-1', 'GET, HEAD, PUT'],
      ['DELETE /api/v1/inventory/p-1', 'GET, HEAD, PUT'],
      ['POST /payments/order/o-1', 'GET, HEAD'],
    ] as const
  ).map(([send, allow]) => ({
    send,
    status: 405,
    responseHeaders: { allow },
    ...(!send.startsWith('HEAD') && { error: 'method_not_allowed', says: allow }),
  })),
];
