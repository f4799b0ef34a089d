import { cancelled, type Vector } from './vector.ts';

export const queries: Vector[] = [
  { send: 'GET /orders', call: ['ListOrders', {}], body: { orders: [listed()] } },
  {
    send: 'GET /orders?customer_id=nobody',
    call: ['ListOrders', { customerId: 'nobody' }],
    body: { orders: [] },
  },
  { send: 'GET /orders?customerId=c-1', call: ['ListOrders', { customerId: 'c-1' }] },
  { send: 'GET /orders?customer_id=', call: ['ListOrders', {}] },
  { send: 'GET /orders?customer_id', call: ['ListOrders', {}] },
  { send: 'GET /orders?&&customer_id=c-1&', call: ['ListOrders', { customerId: 'c-1' }] },
  { send: 'GET /orders?customer_id=a+b%2Bc', call: ['ListOrders', { customerId: 'a b+c' }] },
  { send: 'GET /orders?customer_id=a=b', call: ['ListOrders', { customerId: 'a=b' }] },
  { send: 'GET /orders?customer%5Fid=c-1', call: ['ListOrders', { customerId: 'c-1' }] },
  { send: 'GET /orders?customer_id=%C3%A9', call: ['ListOrders', { customerId: 'é' }] },
  { send: 'GET /orders?state=PENDING', call: ['ListOrders', { state: 'STATE_PENDING' }] },
  { send: 'GET /orders?state=STATE_PENDING', call: ['ListOrders', { state: 'STATE_PENDING' }] },
  { send: 'GET /orders?page_size=2&page_token=abc', call: ['ListOrders', { pageSize: 2, pageToken: 'abc' }] },
  { send: 'GET /orders?limit=2', call: ['ListOrders', { pageSize: 2 }] },
  { send: 'GET /orders?page=1&limit=2', call: ['ListOrders', { pageSize: 2 }] },
  { send: 'GET /users/c-1/orders?page=1&limit=5', call: ['ListOrders', { customerId: 'c-1', pageSize: 5 }] },
  { send: 'GET /orders/customer/c-1?limit=5', call: ['ListOrders', { customerId: 'c-1', pageSize: 5 }] },
  { send: 'GET /customers?limit=1&page=1', call: ['ListCustomers', { pageSize: 1 }] },
  { send: 'GET /inventory?limit=1', call: ['ListStock', { pageSize: 1 }] },
  { send: 'GET /payments?page=1', call: ['ListPayments', {}] },
  { send: 'GET /orders?needs_attention=true', call: ['ListOrders', { needsAttention: true }] },
  { send: 'GET /orders?needs_attention=false', call: ['ListOrders', {}] },
  {
    send: 'GET /orders?create_time_from=2026-01-02T03:04:05Z&create_time_to=2026-01-02T03:04:05.5%2B01:00',
    call: [
      'ListOrders',
      { createTimeFrom: '2026-01-02T03:04:05Z', createTimeTo: '2026-01-02T02:04:05.500Z' },
    ],
  },
  {
    send: 'GET /users/c-1/orders?state=ACCEPTED',
    call: ['ListOrders', { customerId: 'c-1', state: 'STATE_ACCEPTED' }],
  },
  {
    send: 'GET /customers:batchGet?customer_ids=c-1&customer_ids=c-2',
    call: ['BatchGetCustomers', { customerIds: ['c-1', 'c-2'] }],
    body: { customers: [], notFoundCustomerIds: ['c-1', 'c-2'] },
  },
  {
    send: 'GET /customers:batchGet?customerIds=c-1&customer_ids=c-2',
    call: ['BatchGetCustomers', { customerIds: ['c-1', 'c-2'] }],
  },
  {
    send: 'GET /products:batchGet?skus=A&product_ids=p',
    call: ['BatchGetProducts', { productIds: ['p'], skus: ['A'] }],
  },
  {
    send: 'GET /inventory?available_at_most=0',
    call: ['ListStock', { availableAtMost: '0' }],
    body: { stock: [] },
  },
  { send: 'GET /customers', call: ['ListCustomers', {}], body: { customers: [] } },
  {
    send: 'GET /notifications?order_id=o-1&state=FAILED&kind=MESSAGE',
    call: ['ListNotifications', { orderId: 'o-1', state: 'STATE_FAILED', kind: 'KIND_MESSAGE' }],
  },
  { send: 'GET /payments?state=REFUNDED', call: ['ListPayments', { state: 'STATE_REFUNDED' }] },
  {
    send: 'DELETE /orders/o-1?reason=late&request_id=r-1',
    call: ['CancelOrder', { ...cancelled('o-1'), requestId: 'r-1' }],
    body: { orderId: 'o-1', state: 'CANCELLING', refunded: false, version: 0 },
  },
  ...(
    [
      ['/orders?count=5', ['count'], 'customer_id, state, create_time_from'],
      ['/orders?page=2', ['page'], 'page_token'],
      ['/users/c-1/orders?page=0&limit=5', ['page'], 'page_token'],
      ['/customers?page=', ['page'], 'page_token'],
      ['/orders?page=1&page=2', ['page'], 'page_token'],
      ['/orders?limit=1&page_size=2', ['page_size'], 'given twice'],
      ['/orders?limit=1001', ['page_size'], 'less than or equal to 1000'],
      ['/orders/o-1?page=1', ['page'], 'takes no query parameters'],
      ['/customers:batchGet?customer_ids=c&limit=1', ['limit'], 'does not exist'],
      ['/orders?Customer_id=c', ['Customer_id'], 'does not exist'],
      ['/orders?constructor=c&x.y=1', ['constructor', 'x.y'], 'does not exist'],
      ['/orders/o-1?order_id=o-2', ['order_id'], 'takes no query parameters'],
      ['/orders/o-1?access_token=x', ['access_token'], 'takes no query parameters'],
      ['/orders/customer/c-1?customer_id=c-1', ['customer_id'], 'does not exist'],
      ['/products/p-1?sku=MOUSE001', ['sku'], 'takes no query parameters'],
      ['/orders?state=OPEN', ['state'], 'must be one of UNSPECIFIED, PENDING, ACCEPTED'],
      ['/orders?state=1', ['state'], 'must be one of'],
      ['/orders?state=', ['state'], 'must be one of'],
      ['/orders?needs_attention=1', ['needs_attention'], 'true or false'],
      ['/orders?needs_attention=', ['needs_attention'], 'true or false'],
      ['/orders?page_size=1&page_size=2', ['page_size'], 'given twice'],
      ['/orders?customer_id=a&customerId=b', ['customerId'], 'given twice'],
      ['/orders?page_size=1001', ['page_size'], 'less than or equal to 1000'],
      ['/orders?customer_id=%ff', ['customer_id'], 'percent-encoded'],
      ['/orders?%zz=1', ['%zz=1'], 'percent-encoded'],
      ['/customers:batchGet', ['customer_ids'], 'at least 1'],
      ['/orders?a=1&b=2&state=x', ['a', 'b', 'state'], 'must be one of'],
    ] as const
  ).map(([path, fields, says]) => ({
    send: `GET ${path}`,
    status: 400,
    error: 'invalid_request',
    fields,
    says,
  })),
  ...(
    [
      ['page_size=ten', 'page_size'],
      ['page_size=', 'page_size'],
      ['limit=ten', 'page_size'],
      ['page_size=1.5', 'page_size'],
      ['create_time_from=yesterday', 'Timestamp'],
      ['create_time_from=2026-02-30T00:00:00Z', 'a date that does not exist'],
    ] as const
  ).map(([query, says]) => ({
    send: `GET /orders?${query}`,
    status: 400,
    error: 'malformed_request',
    says,
  })),
];

/** An order as ListOrders returns it here. */
function listed() {
  return { orderId: 'o-1', state: 'COMPLETED', refunded: false, version: 0 };
}
