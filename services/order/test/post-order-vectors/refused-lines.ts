import { invalid, items, line, type OrderVector, order } from './vector.ts';

/** A product with this price. */
const priced = (price: unknown) => line({ price });

export const refusedLines: OrderVector[] = [
  {
    name: 'nothing',
    json: {},
    ...invalid,
    violations: [
      ['customer_id', 'string.min_len'],
      ['lines', 'repeated.min_items'],
    ],
  },
  { name: 'no body', raw: '', ...invalid, says: 'customer_id' },
  { name: 'no customer', json: { items }, ...invalid, violations: [['customer_id', 'string.min_len']] },
  {
    name: 'a customer without an id',
    json: { customer: { name: 'Ann' }, items },
    ...invalid,
    violations: [['customer.user_id', 'string.min_len']],
  },
  {
    name: 'two customers',
    json: { ...order, customer: { user_id: 'c-2' }, items },
    ...invalid,
    violations: [['customer', 'json.contradiction']],
  },
  {
    name: 'a customer that is a text',
    json: { customer: 'c-1', items },
    ...invalid,
    violations: [['customer', 'json.type']],
  },
  {
    name: 'no items',
    json: { ...order, items: [] },
    ...invalid,
    violations: [['items', 'repeated.min_items']],
  },
  {
    name: 'items of null',
    json: { ...order, items: null },
    ...invalid,
    violations: [['items', 'repeated.min_items']],
  },
  {
    name: 'items and products',
    json: { ...order, items, products: items },
    ...invalid,
    violations: [['products', 'json.repeated_field']],
    says: 'is given as items, too',
  },
  {
    name: 'an object of items',
    json: { ...order, items: {} },
    ...invalid,
    violations: [['items', 'json.type']],
  },
  {
    name: 'items that are texts',
    json: { ...order, items: ['p-1', items[0], null] },
    ...invalid,
    violations: [
      ['items[0]', 'json.type'],
      ['items[2]', 'json.type'],
    ],
  },
  ...([201, 1001] as const).flatMap((count) =>
    ['lines', 'items'].map((list) => ({
      name: `${count} ${list}`,
      json: { ...order, [list]: Array(count).fill(items[0]) },
      ...invalid,
      violations: [[list, 'repeated.max_items'] as const],
    })),
  ),
  {
    name: 'a line that has only a name',
    json: { ...order, items: [{ name: 'Laptop', quantity: 1, price: 999.99 }] },
    status: 422,
    error: 'product_reference_invalid',
    violations: [['items[0].product_id', 'product_reference_invalid']],
    says: 'a name is not enough',
  },
  {
    name: 'a product that is empty',
    json: { ...order, products: [items[0], { productId: '' }] },
    status: 422,
    error: 'product_reference_invalid',
    violations: [['products[1].product_id', 'product_reference_invalid']],
  },
  {
    name: 'a product by id and by sku',
    json: line({ sku: 'LAPTOP001' }),
    ...invalid,
    violations: [['items[0].sku', 'json.repeated_field']],
  },
  ...(
    [
      [0, 'int64.gte_lte'],
      [-1, 'int64.gte_lte'],
      [1e9, 'int64.gte_lte'],
      [1.5, 'json.type'],
      [1e300, 'json.type'],
      ['many', 'json.type'],
      [true, 'json.type'],
      [[1], 'json.type'],
    ] as const
  ).map(([quantity, reason]) => ({
    name: `a quantity of ${JSON.stringify(quantity)}`,
    json: line({ quantity }),
    ...invalid,
    violations: [['items[0].quantity', reason] as const],
  })),
  {
    name: 'a line of the contract without a quantity',
    json: { ...order, lines: [{ productId: 'p-1' }] },
    ...invalid,
    violations: [['lines[0].quantity', 'int64.gte_lte']],
  },
  ...[0.1 + 0.2, -1, 1e300, '0.001', { units: 1, nanos: 1 }, { amount: '-0.01' }].map((price) => ({
    name: `a price of ${JSON.stringify(price)}`,
    json: priced(price),
    status: 422,
    error: 'quoted_price_invalid',
    violations: [['items[0].price', 'quoted_price_invalid'] as const],
  })),
  ...(['12 USD', true, [1]] as const).map((price) => ({
    name: `a price of ${JSON.stringify(price)}`,
    json: priced(price),
    ...invalid,
    violations: [['items[0].price', 'json.type'] as const],
  })),
  {
    name: 'two prices',
    json: line({ price: 1, unit_price: 1 }),
    ...invalid,
    violations: [['items[0].unit_price', 'json.repeated_field']],
  },
  {
    name: 'a price twice',
    json: priced({ amount: '1', units: 1 }),
    ...invalid,
    violations: [['items[0].price.units', 'json.repeated_field']],
  },
  {
    name: 'a long currency',
    json: line({ unit_price: { currencyCode: 'DOLLAR', units: 1 } }),
    ...invalid,
    violations: [['items[0].unit_price', 'money.currency_code']],
  },
];
