import { create } from '@bufbuild/protobuf';
import { Code, createContextValues, createHandlerContext, type HandlerContext } from '@connectrpc/connect';
import { BadRequestSchema } from '@orderflow/contracts/google/rpc/error_details';
import { Role } from '@orderflow/contracts/orderflow/access/v1/access';
import {
  CreateCustomerRequestSchema,
  CreateCustomerResponseSchema,
  CustomerService,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import type { RunIdempotent, StoredResponse } from '@orderflow/runtime';
import { describe, expect, test } from 'vitest';
import {
  callerIdOf,
  callerKey,
  earlierResponse,
  errorReason,
  repeatableRequest,
  respondIdempotently,
  storableText,
} from '../src/index.ts';
import { failure } from './fixture.ts';

function callBy(callerId?: string): HandlerContext {
  return createHandlerContext({
    service: CustomerService,
    method: CustomerService.method.createCustomer,
    protocolName: 'connect',
    requestMethod: 'POST',
    url: 'http://localhost/',
    contextValues: createContextValues(),
    ...(callerId !== undefined && { requestHeader: { 'x-caller-id': callerId } }),
  });
}

function repeatable(change: { requestId?: string; name?: string }, callerId?: string) {
  const { name = 'Ada Chen', requestId = 'r-1' } = change;
  const request = create(CreateCustomerRequestSchema, { customer: { customerId: 'c-1', name }, requestId });
  return repeatableRequest(CreateCustomerRequestSchema, request, callBy(callerId));
}

/** INVALID_REQUEST about this field. */
const invalid = (field: string) => (error: unknown) => {
  expect(errorReason(error)).toBe('INVALID_REQUEST');
  const [details] = (error as Awaited<ReturnType<typeof failure>>).findDetails(BadRequestSchema);
  expect(details?.fieldViolations.map((violation) => violation.field)).toEqual([field]);
};

const thrownBy = (work: () => unknown) => failure(Promise.try(work));

describe('a request', () => {
  test('without request_id is not repeatable', () => {
    expect(repeatable({ requestId: '' })).toBeUndefined();
  });

  test('is known by caller, method and request_id', () => {
    expect(repeatable({}, 'shop')).toMatchObject({
      callerId: 'shop',
      method: 'orderflow.enrichment.v1.CustomerService/CreateCustomer',
      requestId: 'r-1',
    });
  });

  test('asks for the same whatever its request_id is, and for something else with other content', () => {
    const hash = repeatable({})?.contentHash;
    expect(repeatable({ requestId: 'r-2' })?.contentHash).toEqual(hash);
    expect(repeatable({ name: 'Ada Bauer' })?.contentHash).not.toEqual(hash);
  });

  test('asks for something else once its caller may see less, or is another customer', () => {
    const hashes = [
      [Role.OPERATOR, 'c-1'],
      [Role.CUSTOMER, 'c-1'],
      [Role.CUSTOMER, 'c-2'],
    ] as const;
    const hashOf = ([role, customerId]: (typeof hashes)[number]) => {
      const context = callBy();
      const ann = { issuer: 'i', subject: 'ann', onBehalfOf: undefined, id: 'ann@i', expiresAt: 0 };
      context.values.set(callerKey, { ...ann, roles: new Set([role]), customerId });
      const request = create(CreateCustomerRequestSchema, { requestId: 'r-1' });
      return String(repeatableRequest(CreateCustomerRequestSchema, request, context)?.contentHash);
    };
    expect(new Set(hashes.map(hashOf)).size).toBe(3);
    expect(hashOf([Role.CUSTOMER, 'c-1'])).toBe(hashOf([Role.CUSTOMER, 'c-1']));
  });

  test('whose request_id or caller cannot be stored is invalid', async () => {
    invalid('request_id')(await thrownBy(() => repeatable({ requestId: 'nul\0' })));
    invalid('x-caller-id')(await thrownBy(() => repeatable({}, 'x'.repeat(129))));
  });
});

describe('a caller', () => {
  test.each([
    ['who says nothing is anonymous', undefined, 'anonymous'],
    ['who says an empty name is anonymous', '', 'anonymous'],
    ['is who it says it is', 'Buero 7', 'Buero 7'],
    ['may have 128 characters', 'x'.repeat(128), 'x'.repeat(128)],
  ])('%s', (_, given, expected) => {
    expect(callerIdOf(callBy(given))).toBe(expected);
  });

  test.each([
    ['more characters', 'x'.repeat(129)],
    ['characters that cannot be printed', 'a\u0085b'],
    ['characters that a header does not carry', Buffer.from('Büro 7').toString('latin1')],
  ])('with %s is invalid', async (_, given) => {
    invalid('x-caller-id')(await thrownBy(() => callerIdOf(callBy(given))));
  });
});

test('text with NUL is invalid, other text stays unchanged', async () => {
  expect(storableText('name', 'é\n')).toBe('é\n');
  invalid('name')(await thrownBy(() => storableText('name', 'a\0')));
});

describe('a response', () => {
  const response = (name: string) => ({ customer: { name } });
  const respondWith = (runIdempotent: RunIdempotent, work: () => Promise<ReturnType<typeof response>>) =>
    respondIdempotently(CreateCustomerResponseSchema, repeatable({}), runIdempotent, work);
  /** Keeps one response. */
  function memoryStore(): RunIdempotent {
    let stored: Uint8Array | undefined;
    return async (_request, work) => {
      stored ??= await work();
      return { kind: 'response', bytes: stored };
    };
  }

  test('is what the work makes, and the same when it was kept', async () => {
    const runIdempotent = memoryStore();
    const first = await respondWith(runIdempotent, async () => response('Ada'));
    expect(first).toEqual(create(CreateCustomerResponseSchema, response('Ada')));
    expect(await respondWith(runIdempotent, async () => response('Grace'))).toEqual(first);
  });

  test('of an error of the work is that error', async () => {
    const refusal = new Error('refused');
    await expect(respondWith(memoryStore(), () => Promise.reject(refusal))).rejects.toBe(refusal);
  });

  test('to a request_id with other content is REQUEST_ID_REUSED', async () => {
    const reused: StoredResponse = { kind: 'reused' };
    const find = earlierResponse(CreateCustomerResponseSchema, repeatable({}), async () => reused);
    for (const call of [
      respondWith(
        async () => reused,
        async () => response('Ada'),
      ),
      find,
    ]) {
      const error = await failure(call);
      expect([error.code, errorReason(error)]).toEqual([Code.InvalidArgument, 'REQUEST_ID_REUSED']);
      expect(error.rawMessage).toContain('request_id r-1');
    }
  });

  test('given earlier is found, and none where there is none', async () => {
    const runIdempotent = memoryStore();
    const given = await respondWith(runIdempotent, async () => response('Ada'));
    const earlier = (asked: ReturnType<typeof repeatable>, find: () => Promise<StoredResponse | undefined>) =>
      earlierResponse(CreateCustomerResponseSchema, asked, find);
    const stored = () => runIdempotent(undefined, () => expect.unreachable());
    expect(await earlier(repeatable({}), stored)).toEqual(given);
    expect(await earlier(repeatable({}), async () => undefined)).toBeUndefined();
    expect(await earlier(undefined, () => expect.unreachable('nothing to look for'))).toBeUndefined();
  });
});
