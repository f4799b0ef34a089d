import type { JsonObject } from '@bufbuild/protobuf';
import type { RestDescription } from '@orderflow/rpc';

const text: JsonObject = { type: 'string' };

/** An id in the form of a text, or of a whole number. */
function id(
  description: string,
  example: string,
  form: JsonObject = { minLength: 1, maxLength: 256 },
): JsonObject {
  const number = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
  const printable = { pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]*$' };
  return { description, anyOf: [{ type: 'string', ...printable, ...form }, number], examples: [example] };
}

const price: JsonObject = {
  description:
    "The unit price that the caller quotes: a number, in the currency of the server, or an amount of money. Stored with the order; the catalogue's price is charged.",
  anyOf: [
    { type: 'number', minimum: 0 },
    {
      type: 'object',
      properties: {
        currency_code: { type: 'string', pattern: '^[A-Z]{3}$', examples: ['USD'] },
        amount: { type: 'string', pattern: '^(0|[1-9][0-9]{0,8})\\.[0-9]{2}$', examples: ['1299.99'] },
      },
      required: ['currency_code', 'amount'],
      additionalProperties: false,
    },
  ],
  examples: [1299.99],
};

const quantity: JsonObject = {
  description: 'How many. Quantities of lines with the same product are added up.',
  type: 'integer',
  minimum: 1,
  maximum: 10_000,
};

/** Whether the quantity may be left out. */
function lines(description: string, isQuantityOptional: boolean): JsonObject {
  return {
    description,
    type: 'array',
    minItems: 1,
    maxItems: 200,
    items: {
      type: 'object',
      properties: {
        product_id: id('The product, by its id; or send its sku.', 'p-1'),
        sku: id('The product, by its stock keeping unit.', 'LAPTOP001'),
        quantity: isQuantityOptional ? { ...quantity, default: 1 } : quantity,
        price,
        name: { ...text, description: 'Not used: names come from the catalogue.' },
      },
      ...(!isQuantityOptional && { required: ['quantity'] }),
      oneOf: [{ required: ['product_id'] }, { required: ['sku'] }],
      additionalProperties: false,
    },
  };
}

const order = {
  order_id: id("The order's id, chosen by the caller; absent: the server chooses one.", 'o-1', {
    pattern: '^[A-Za-z0-9._:-]{1,64}$',
  }),
  customer_id: id(
    'The customer who orders; or send `customer.user_id`. With a token of a customer neither is needed.',
    'c-1',
  ),
  customer: {
    type: 'object',
    properties: {
      user_id: id('The customer who orders.', 'c-1'),
      name: { ...text, description: 'Not used.' },
      email: { ...text, description: 'Not used.' },
    },
    required: ['user_id'],
    additionalProperties: false,
  },
  items: lines('The ordered lines; or send `products`, or `lines`.', true),
  products: lines('The same as `items`.', true),
  lines: lines('The same as `items`, with all quantities.', false),
} satisfies JsonObject;

/** It has one list of lines, and one customer. */
const choices: JsonObject[] = [
  { oneOf: [{ required: ['items'] }, { required: ['products'] }, { required: ['lines'] }] },
  { oneOf: [{ required: ['customer_id'] }, { required: ['customer'] }] },
];

const envelope = {
  validate_only: {
    description: 'Nothing is stored; the response is the order as it would be.',
    type: 'boolean',
    default: false,
  },
} satisfies JsonObject;

function object(title: string, properties: JsonObject, more: JsonObject): JsonObject {
  return { title, type: 'object', properties, ...more, additionalProperties: false };
}

const response: JsonObject = {
  type: 'object',
  required: ['orderId', 'status', 'message', 'order'],
  properties: {
    orderId: { description: "The order's id.", type: 'string', examples: ['o-1'] },
    status: { description: 'Its state: PENDING for a new order.', type: 'string', examples: ['PENDING'] },
    message: { description: 'What comes next, for people.', type: 'string' },
    order: { $ref: 'orderflow.order.v1.Order' },
  },
};

/** What a description of the API says of `POST /orders`; more names that it takes are in docs/errors.md. */
export const createOrderDescription: RestDescription = {
  request: {
    description: 'An order, or an object that has it as its member `order`.',
    oneOf: [
      object('An order', { ...order, ...envelope }, { allOf: choices }),
      object(
        'An order as a member',
        { order: object('The order', order, { allOf: choices }), ...envelope },
        { required: ['order'] },
      ),
    ],
    examples: [
      { customer_id: 'c-1', items: [{ sku: 'MOUSE001', quantity: 2, price: 79.99 }] },
      { order_id: 'o-2', customer: { user_id: 'c-1' }, products: [{ product_id: 'p-1', name: 'Laptop' }] },
    ],
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
