import { type DescField, type DescMessage, getOption, type JsonObject } from '@bufbuild/protobuf';
import { field as rules } from '@orderflow/contracts/buf/validate/validate';
import {
  CreateOrderRequestSchema,
  NewOrderLineSchema,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { expect, test } from 'vitest';
import { createOrderDescription } from '../src/inbound/rest/create-order-description.ts';

function rulesOf(message: DescMessage, name: string) {
  const { type } = getOption(message.fields.find((field) => field.name === name) as DescField, rules);
  return type;
}

/** Every schema that is described under a name, at any depth. */
function described(json: unknown, name: string): JsonObject[] {
  if (typeof json !== 'object' || json === null) return [];
  const below = Object.values(json).flatMap((value) => described(value, name));
  const properties = (json as { properties?: Record<string, JsonObject> }).properties;
  return properties?.[name] === undefined ? below : [properties[name], ...below];
}

const { request } = createOrderDescription;

test.each(['items', 'products', 'lines'])('as many %s are described as the contract has lines', (name) => {
  const { value } = rulesOf(CreateOrderRequestSchema, 'lines');
  expect(described(request, name)).not.toEqual([]);
  for (const schema of described(request, name)) {
    const { minItems, maxItems } = value as { minItems: bigint; maxItems: bigint };
    expect(schema).toMatchObject({ minItems: Number(minItems), maxItems: Number(maxItems) });
  }
});

test('quantities are described as the contract has them', () => {
  const { value } = rulesOf(NewOrderLineSchema, 'quantity') as {
    value: { greaterThan: { value: bigint }; lessThan: { value: bigint } };
  };
  const limits = { minimum: Number(value.greaterThan.value), maximum: Number(value.lessThan.value) };
  expect(described(request, 'quantity')).not.toEqual([]);
  for (const schema of described(request, 'quantity')) expect(schema).toMatchObject(limits);
});

test.each([
  ['customer_id', CreateOrderRequestSchema, 'customer_id'],
  ['user_id', CreateOrderRequestSchema, 'customer_id'],
  ['product_id', NewOrderLineSchema, 'product_id'],
  ['sku', NewOrderLineSchema, 'sku'],
] as const)('%s is described as the contract has it', (name, message, field) => {
  const { minLen, maxLen, pattern } = rulesOf(message, field).value as {
    minLen: bigint;
    maxLen: bigint;
    pattern: string;
  };
  const limits = { type: 'string', minLength: Number(minLen), maxLength: Number(maxLen), pattern };
  expect(described(request, name)).not.toEqual([]);
  for (const schema of described(request, name)) {
    expect(schema['anyOf']).toContainEqual(expect.objectContaining(limits));
  }
});
