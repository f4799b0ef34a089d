import type { JsonObject } from '@bufbuild/protobuf';
import type { RestDescription } from '@orderflow/rpc';

const id = (description: string): JsonObject => ({
  description,
  type: ['string', 'integer'],
  examples: ['c-1'],
});

const price: JsonObject = {
  description:
    "The unit price that the caller quotes: a number, in the currency of the server, or an amount of money. Stored with the order; the catalogue's price is charged.",
  type: ['number', 'string', 'object'],
  examples: [1299.99, { currency_code: 'USD', amount: '1299.99' }],
};

const line = (defaultQuantity: JsonObject): JsonObject => ({
  type: 'object',
  properties: {
    product_id: id('The product, by its id; or send its sku.'),
    sku: id('The product, by its stock keeping unit.'),
    quantity: {
      description: 'How many, 1 to 10,000. Quantities of lines with the same product are added up.',
      type: ['integer', 'string'],
      minimum: 1,
      maximum: 10_000,
      ...defaultQuantity,
    },
    price,
    name: { description: 'Not used: names come from the catalogue.' },
  },
});

const list = (description: string, item: JsonObject): JsonObject => ({
  description,
  type: 'array',
  minItems: 1,
  maxItems: 200,
  items: item,
});

const order: JsonObject = {
  type: 'object',
  properties: {
    order_id: id("The order's id, chosen by the caller; absent: the server chooses one."),
    customer_id: id('The customer who orders; or send customer.user_id.'),
    customer: {
      type: 'object',
      properties: { user_id: id('The customer who orders.'), name: {}, email: {} },
    },
    items: list('The ordered lines; or send products, or lines.', line({ default: 1 })),
    products: list('The same as items.', line({ default: 1 })),
    lines: list('The same as items; the quantity is required.', line({})),
    validate_only: {
      description: 'Nothing is stored; the response is the order as it would be.',
      type: 'boolean',
      default: false,
    },
    request_id: {
      description: 'Makes the call repeatable; the header Idempotency-Key is the same.',
      type: 'string',
      maxLength: 128,
    },
  },
  examples: [
    { customer_id: 'c-1', items: [{ sku: 'LAPTOP001', quantity: 1, price: 1299.99 }] },
    { order_id: 'o-1', customer: { user_id: 'c-1' }, products: [{ product_id: 'p-1', name: 'Laptop' }] },
  ],
};

const response: JsonObject = {
  type: 'object',
  required: ['orderId', 'status', 'message', 'order'],
  properties: {
    orderId: { description: "The order's id.", type: 'string' },
    status: { description: 'Its state: PENDING for a new order.', type: 'string' },
    message: { description: 'What comes next, for people.', type: 'string' },
    order: { $ref: 'orderflow.order.v1.Order' },
  },
};

/** What a description of the API says of `POST /orders`. */
export const createOrderDescription: RestDescription = {
  request: {
    description: 'An order, or an object that has it as its member `order`.',
    ...order,
    properties: { ...(order['properties'] as JsonObject), order: { ...order, examples: [] } },
  },
  responses: {
    200: {
      description: 'With validate_only: the order as it would be; nothing is stored.',
      schema: response,
    },
    202: {
      description: 'The order is stored, and is decided a moment later.',
      schema: response,
      headers: { Location: 'Where the order is.' },
    },
  },
};
