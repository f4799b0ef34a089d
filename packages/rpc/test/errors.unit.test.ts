import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema } from '@orderflow/contracts/google/rpc/error_details';
import { BatchGetCustomersRequestSchema } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { BatchGetProductsRequestSchema } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { expect, test } from 'vitest';
import { type ErrorReason, errorInfo, errorReason, errorReasons, rpcError } from '../src/index.ts';
import { validateMessage } from '../src/validation.ts';

test.for(Object.keys(errorReasons) as ErrorReason[])('%s has its code and one ErrorInfo', (reason) => {
  const error = rpcError(reason, 'text', { key: 'value' });
  expect(error.code).toBe(errorReasons[reason].code);
  expect(error.details).toHaveLength(1);
  expect(errorInfo(error)).toMatchObject({ reason, domain: 'orderflow', metadata: { key: 'value' } });
});

test('an error that orderflow did not give a reason has none', () => {
  expect(errorReason(new ConnectError('text', Code.NotFound))).toBeUndefined();
  expect(errorReason(new Error('text'))).toBeUndefined();
});

function violationsOf(validate: () => void): [ConnectError, [string, string][]] {
  try {
    validate();
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const [badRequest] = error.findDetails(BadRequestSchema);
    return [error, badRequest?.fieldViolations.map(({ field, reason }) => [field, reason]) ?? []];
  }
  throw new Error('the message is valid');
}

test('a valid message passes', () => {
  validateMessage(
    BatchGetCustomersRequestSchema,
    create(BatchGetCustomersRequestSchema, { customerIds: ['c-1'] }),
  );
});

test('a rule on the whole message is a violation without a field', () => {
  const message = create(BatchGetProductsRequestSchema, {});
  const [error, violations] = violationsOf(() => validateMessage(BatchGetProductsRequestSchema, message));
  expect(violations).toEqual([['', 'batch_get_products.references']]);
  expect(error.rawMessage).toBe('product_ids and skus together must have 1 to 200 entries');
});

test('of many violations the first 50 are named, and all are counted', () => {
  const message = create(BatchGetCustomersRequestSchema, { customerIds: Array(5000).fill('') });
  const [error, violations] = violationsOf(() => validateMessage(BatchGetCustomersRequestSchema, message));
  expect(violations).toHaveLength(50);
  expect(errorInfo(error)?.metadata['violations']).toBe('5001');
  expect(error.rawMessage).toMatch(/ \(and 5000 more\)$/);
});
