import { customer, type Vector } from './vector.ts';

/** Customers and stock that are put. */
export const puts: Vector[] = [
  // What was read can be sent back.
  {
    send: 'PUT /customers/c-1',
    json: { customerId: 'c-1', ...customer, active: false, version: 3, updateTime: '2026-11-29T09:00:00Z' },
    call: [
      'PutCustomer',
      {
        customer: {
          ...{ customerId: 'c-1', ...customer, active: false, version: '3' },
          updateTime: '2026-11-29T09:00:00Z',
        },
      },
    ],
  },
  {
    send: 'PUT /customers/c-1',
    json: { customer: { name: 'Ann', address: '1 Mill Lane' } },
    call: ['PutCustomer', { customer: { customerId: 'c-1', name: 'Ann', address: '1 Mill Lane' } }],
  },
  {
    send: 'POST /customers',
    json: { customer: { ...customer, customer_id: 'c-2' } },
    call: ['CreateCustomer', { customer: { customerId: 'c-2', ...customer } }],
  },
  {
    send: 'PUT /inventory/p-1',
    json: { on_hand: 0 },
    call: ['SetStock', { productId: 'p-1', onHand: '0' }],
  },
  {
    send: 'PUT /inventory/p-1',
    json: { quantity_available: 0 },
    call: ['SetStock', { productId: 'p-1', quantityAvailable: '0' }],
  },
  // Over RPC it sets 0: protobuf leaves out a 0.
  ...[{ reason: 'count' }, { on_hand: null, reason: 'count' }].map((json) => ({
    send: 'PUT /inventory/p-1',
    json,
    status: 400,
    error: 'invalid_request',
    fields: ['body'],
  })),
  {
    send: 'PUT /inventory/p-1',
    json: {},
    status: 400,
    error: 'invalid_request',
    // The second is the contract's rule.
    fields: ['body', ''],
  },
  {
    send: 'PUT /customers/c-1',
    json: { customer: { ...customer, nickname: 'A' } },
    status: 400,
    error: 'invalid_request',
    fields: ['customer.nickname'],
  },
  {
    send: 'PUT /customers/c-1',
    json: { customer, version: 1 },
    status: 400,
    error: 'invalid_request',
    fields: ['customer.customer', 'customer.name'],
  },
  ...[{ customer: [customer] }, { customer: 'Ann' }, { customer: { customer } }].map((json) => ({
    send: 'PUT /customers/c-1',
    json,
    status: 400,
    error: 'invalid_request',
    fields: ['customer.customer', 'customer.name'],
  })),
  {
    send: 'PUT /customers/c-1',
    json: { client: customer },
    status: 400,
    error: 'invalid_request',
    fields: ['customer.client', 'customer.name'],
  },
  // Inside of what wraps it dates are checked, too: the decoder would read this one as the 2nd of March.
  {
    send: 'PUT /customers/c-1',
    json: { customer: { ...customer, updateTime: '2026-02-30T00:00:00Z' } },
    status: 400,
    says: 'update_time',
  },
  ...(
    [
      [{}, 'on_hand or quantity_available must be given'],
      [{ on_hand: 1, quantity_available: 1, reason: 'count' }, 'must not be given together'],
    ] as const
  ).map(([json, says]) => ({
    send: 'PUT /inventory/p-1',
    json,
    status: 400,
    error: 'invalid_request',
    says,
  })),
];
