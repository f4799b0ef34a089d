import { items, line, type OrderVector, order } from './vector.ts';

const two = { productId: 'p-1', quantity: '2' };
const one = { productId: 'p-1', quantity: '1' };
const call = { orderId: 'o-1', customerId: 'c-1', lines: [two] };
const usd = (units: string, nanos?: number) => ({ units, ...(nanos && { nanos }) });
const quoted = (quotedPrice: object) => ({ ...call, lines: [{ ...one, quotedPrice }] });
/** A product with this price. */
const priced = (price: unknown) => line({ price });

export const taken: OrderVector[] = [
  { name: 'lines', json: { ...order, lines: items }, call },
  { name: 'items', json: { ...order, items }, call },
  { name: 'products', json: { ...order, products: items }, call },
  {
    name: 'the JSON of CreateOrder',
    json: {
      orderId: 'o-1',
      customerId: 'c-1',
      lines: [
        {
          sku: 'LAPTOP001',
          quantity: '1',
          quotedPrice: { currencyCode: 'USD', units: '5', nanos: 10_000_000 },
        },
      ],
      validateOnly: true,
      requestId: 'r-1',
    },
    status: 200,
    call: {
      orderId: 'o-1',
      customerId: 'c-1',
      lines: [
        { sku: 'LAPTOP001', quantity: '1', quotedPrice: { currencyCode: 'USD', ...usd('5', 10_000_000) } },
      ],
      validateOnly: true,
      requestId: 'r-1',
    },
  },
  {
    name: 'a shape with names, an email and a total',
    json: {
      order_id: 'ORD-5',
      customer: { user_id: 'c-1', name: 'Ann', email: 'a@example.com', phone: '1' },
      items: [
        {
          product_id: 'p-1',
          name: 'Laptop',
          description: 'grey',
          price: 1299.99,
          quantity: 1,
          total: 1299.99,
        },
        { sku: 'MOUSE001', product_name: 'Mouse', unitPrice: '79.99', quantity: 2, subtotal: 159.98 },
      ],
      email: 'a@example.com',
      subtotal: 1459.97,
      tax: 116.8,
      total: 1576.77,
      totalAmount: 1576.77,
    },
    call: {
      orderId: 'ORD-5',
      customerId: 'c-1',
      lines: [
        { ...one, quotedPrice: usd('1299', 990_000_000) },
        { sku: 'MOUSE001', quantity: '2', quotedPrice: usd('79', 990_000_000) },
      ],
    },
  },
  { name: 'no order id', json: { customer_id: 'c-1', items }, call: { customerId: 'c-1', lines: [two] } },
  { name: 'inside of order', json: { order: { ...order, items } }, call },
  {
    name: 'inside of order, with what belongs to the request',
    json: { order: { ...order, items }, validate_only: true, request_id: 'r-1' },
    status: 200,
    call: { ...call, validateOnly: true, requestId: 'r-1' },
  },
  { name: 'an order that is null', json: { order: null, ...order, items }, call },
  ...['user_id', 'userId', 'customer_id', 'customerId', 'id'].map((name) => ({
    name: `customer.${name}`,
    json: { order_id: 'o-1', customer: { [name]: 'c-1' }, items },
    call,
  })),
  {
    name: 'the customer twice, the same',
    json: { ...order, customer: { user_id: 'c-1' }, items },
    call,
  },
  {
    name: 'ids that are numbers',
    json: { order_id: 7, customer_id: 42, items: [{ product_id: 9007199254740991 }, { sku: 0 }] },
    call: {
      orderId: '7',
      customerId: '42',
      lines: [
        { productId: '9007199254740991', quantity: '1' },
        { sku: '0', quantity: '1' },
      ],
    },
  },
  { name: 'a quantity as text', json: line({ quantity: '2' }), call },
  { name: 'a quantity with an empty fraction', json: line({ quantity: 2.0 }), call },
  { name: 'a quantity that is null', json: line({ quantity: null }), call: { ...call, lines: [one] } },
  {
    name: 'the same product twice',
    json: { ...order, items: [...items, ...items] },
    call: { ...call, lines: [two, two] },
  },
  ...(['price', 'unit_price', 'unitPrice', 'quoted_price', 'quotedPrice'] as const).flatMap((name) => [
    { name: `${name} as a number`, json: line({ [name]: 1299.99 }), call: quoted(usd('1299', 990_000_000)) },
    {
      name: `${name} as money`,
      json: line({ [name]: { currency_code: 'USD', amount: '1299.99' } }),
      call: quoted({ currencyCode: 'USD', ...usd('1299', 990_000_000) }),
    },
  ]),
  { name: 'a price of nothing', json: priced(0), call: quoted({}) },
  { name: 'a price as text', json: priced('0.29'), call: quoted({ nanos: 290_000_000 }) },
  { name: 'a price that is null', json: priced(null), call: { ...call, lines: [one] } },
  {
    name: 'a price in units and nanos',
    json: priced({ units: 5, nanos: 10_000_000 }),
    call: quoted(usd('5', 10_000_000)),
  },
  {
    name: 'a number that looks long',
    json: priced(90_071_992_547_409.91),
    call: quoted(usd('90071992547409', 910_000_000)),
  },
  {
    name: 'an Idempotency-Key',
    json: { ...order, items },
    headers: { 'idempotency-key': 'k-1' },
    call: { ...call, requestId: 'k-1' },
  },
  {
    name: '200 lines',
    json: { ...order, items: Array(200).fill(items[0]) },
    call: { ...call, lines: Array(200).fill(two) },
  },
  {
    name: 'characters of every plane',
    json: { ...order, customer_id: 'é😀', items },
    call: { ...call, customerId: 'é😀' },
  },
];
