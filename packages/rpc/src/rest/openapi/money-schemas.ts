import type { JsonObject } from '@bufbuild/protobuf';

/** Money as REST responses have it. */
export const moneySchema: JsonObject = {
  type: 'object',
  description: 'An amount of money.',
  properties: {
    currencyCode: { type: 'string', description: 'The currency, ISO 4217.', examples: ['USD'] },
    amount: {
      type: 'string',
      description: 'The exact amount.',
      pattern: '^-?[0-9]+\\.[0-9]{2,9}$',
      examples: ['1299.99'],
    },
  },
  required: ['amount'],
};

/** Money as events have it: whole cents. */
export const eventMoneySchema: JsonObject = {
  type: 'object',
  description: 'An amount of money: units and nanos together, whole cents.',
  properties: {
    currencyCode: { type: 'string', description: 'The currency, ISO 4217.', pattern: '^[A-Z]{3}$' },
    units: { type: 'string', description: 'The whole units; left out: 0.', pattern: '^-?[0-9]+$' },
    nanos: {
      type: 'integer',
      description: 'The rest, in billionths of a unit; left out: 0.',
      multipleOf: 10_000_000,
    },
  },
  required: ['currencyCode'],
};
