import type { JsonObject } from '@bufbuild/protobuf';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { exampleOf } from './examples.ts';

const orderId: JsonObject = {
  type: 'string',
  description: "The order's id, chosen by the sender.",
  pattern: '^[A-Za-z0-9._:-]{1,64}$',
};
const text: JsonObject = { type: 'string', minLength: 1, maxLength: 256 };
const customerId: JsonObject = { ...text, description: 'The customer who orders.' };
const productId: JsonObject = { ...text, description: 'The product, by its id.' };
const sku: JsonObject = { ...text, description: 'The product, by its stock keeping unit.' };
const quantity: JsonObject = {
  type: ['integer', 'string'],
  description: 'How many. Quantities of lines with the same product are added up.',
  minimum: 1,
  maximum: 10_000,
  pattern: '^[1-9][0-9]{0,4}$',
};
const oneProduct: JsonObject = { oneOf: [{ required: ['productId'] }, { required: ['sku'] }] };
const lines = (items: JsonObject): JsonObject => ({ type: 'array', minItems: 1, maxItems: 200, items });

/** What a sender should write; more is accepted, see docs/events.md. */
function order(members: JsonObject, required: string): JsonObject {
  return {
    type: 'object',
    properties: { orderId, customerId, ...members },
    required: ['orderId', 'customerId', required],
  };
}

/** The two forms in JSON of a record on `orders`, as schemas by the name of the message, each with an example. */
export const jsonSubmissions: Readonly<
  Record<string, { readonly summary: string; readonly schema: JsonObject; readonly example: JsonObject }>
> = {
  OrderSubmittedJson: {
    summary: 'The same as JSON of protobuf',
    schema: order(
      {
        lines: lines({
          type: 'object',
          properties: {
            productId,
            sku,
            quantity,
            quotedPrice: {
              type: 'object',
              description:
                "The unit price that the sender quoted. Stored with the order; the catalogue's price is charged.",
              properties: {
                currencyCode: { type: 'string', pattern: '^[A-Z]{3}$' },
                units: { type: ['integer', 'string'], minimum: 0, pattern: '^[0-9]+$' },
                nanos: { type: 'integer', minimum: 0, maximum: 990_000_000, multipleOf: 10_000_000 },
              },
              required: ['currencyCode'],
            },
          },
          required: ['quantity'],
          ...oneProduct,
        }),
      },
      'lines',
    ),
    example: exampleOf(OrderSubmittedSchema),
  },
  PlainOrder: {
    summary: 'An order in plain JSON, recognised by its `products`',
    schema: order(
      {
        products: lines({
          type: 'object',
          properties: {
            productId,
            sku,
            quantity: { ...quantity, default: 1 },
            price: {
              type: 'number',
              minimum: 0,
              description:
                "The unit price that the sender quotes, in the configured currency. Stored with the order; the catalogue's price is charged.",
            },
            name: { type: 'string', description: 'Not used: names come from the catalogue.' },
          },
          ...oneProduct,
        }),
      },
      'products',
    ),
    example: {
      orderId: 'o-1',
      customerId: 'c-1',
      products: [{ productId: 'p-1', name: 'Laptop', price: 1299.99 }],
    },
  },
};
