import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import { Code, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '@orderflow/contracts/google/rpc/error_details';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import {
  CreateCustomerRequestSchema,
  CreateCustomerResponseSchema,
  CustomerService,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createLogger } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { maxRequestBytes } from '../src/admitted.ts';
import { createRpcClient, errorReason, repeatableRequest, wasNotSent } from '../src/index.ts';
import { customerClient, customers, failure, protocols, startServer } from './fixture.ts';

const batch = '/orderflow.enrichment.v1.CustomerService/BatchGetCustomers';
const check = '/grpc.health.v1.Health/Check';
/** 400,000 empty customer ids, in 800,000 bytes. */
const emptyIds = Buffer.alloc(800_000, Buffer.from('0a00', 'hex'));
/** Fields that no message has. */
const unknownFields = Buffer.alloc(30_000, Buffer.from('a20600', 'hex'));

const framed = (bytes: Buffer, flags = 0) => {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flags);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
};

function post(url: string, body: Buffer, headers: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
}

interface ErrorResponse {
  readonly code?: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

/** What the error of a Connect call says is wrong with which field. */
function violationsOf({ details = [] }: ErrorResponse) {
  const detail = details.find(({ type }) => type === BadRequestSchema.typeName);
  const { fieldViolations } = fromBinary(BadRequestSchema, Buffer.from(detail?.value ?? '', 'base64'));
  return fieldViolations.map(({ field, reason }) => [field, reason]);
}

describe('elements are counted before they are decoded', () => {
  test.each([
    ['protobuf', 'application/proto', emptyIds, {}],
    ['protobuf in gzip', 'application/proto', gzipSync(emptyIds), { 'content-encoding': 'gzip' }],
    ['JSON', 'application/json', Buffer.from(`{"customerIds":[${'"",'.repeat(200_000)}""]}`), {}],
  ])('%s', async (_format, type, body, headers) => {
    const { url } = await startServer();
    const response = await post(`${url}${batch}`, body, { 'content-type': type, ...headers });
    // Once decoded there would be a violation for each of them.
    expect(violationsOf((await response.json()) as ErrorResponse)).toEqual([
      ['customer_ids', 'repeated.max_items'],
    ]);
  });

  test('in the URL of a GET', async () => {
    const { url } = await startServer();
    const message = base64Encode(gzipSync(emptyIds), 'url');
    const response = await fetch(
      `${url}${batch}?encoding=proto&compression=gzip&base64=1&message=${message}`,
    );
    expect(violationsOf((await response.json()) as ErrorResponse)).toEqual([
      ['customer_ids', 'repeated.max_items'],
    ]);
  });

  test.each([
    ['unchanged', framed(emptyIds)],
    ['in gzip', framed(gzipSync(emptyIds), 1)],
  ])('in the frame of gRPC-Web, %s', async (_how, body) => {
    const { url } = await startServer();
    const response = await post(`${url}${batch}`, body, {
      'content-type': 'application/grpc-web+proto',
      'grpc-encoding': 'gzip',
    });
    expect(decodeURIComponent(/grpc-message: (.*)/.exec(await response.text())?.[1] ?? '')).toBe(
      'customer_ids: must contain no more than 200 item(s)',
    );
  });
});

test.each(Object.entries(protocols))(
  '%s: the largest batch passes, one id more does not',
  async (_name, transport) => {
    const { url } = await startServer();
    const client = customerClient(transport(url));
    const ids = (count: number) => Array.from({ length: count }, (_, index) => `${index}`.padEnd(256, '日'));
    expect((await client.batchGetCustomers({ customerIds: ids(200) })).customers).toHaveLength(200);
    const error = await failure(client.batchGetCustomers({ customerIds: ids(201) }));
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toHaveLength(1);
    expect(errorReason(error)).toBe('INVALID_REQUEST');
  },
);

describe('bytes', () => {
  test('methods read what their contract needs', () => {
    expect(maxRequestBytes(Health.method.check)).toBe(32 * 1024);
    expect(maxRequestBytes(OrderService.method.getOrder)).toBe(32 * 1024);
    expect(maxRequestBytes(OrderService.method.createOrder)).toBe((32 + 200 * 4) * 1024);
  });

  test.each([
    ['as they come', Buffer.alloc(40_000, unknownFields), {}],
    ['unpacked', gzipSync(Buffer.alloc(4_000_000, unknownFields)), { 'content-encoding': 'gzip' }],
  ])('a health check reads no more than it needs, %s', async (_how, body, headers) => {
    const { url } = await startServer();
    const response = await post(`${url}${check}`, body, { 'content-type': 'application/proto', ...headers });
    expect([response.status, await response.text()]).toEqual([
      429,
      expect.stringContaining('MESSAGE_TOO_LARGE'),
    ]);
  });

  test('a health check with fields of a newer contract gets a response', async () => {
    const { url } = await startServer();
    const response = await post(`${url}${check}`, unknownFields, { 'content-type': 'application/proto' });
    expect([response.status, Buffer.from(await response.arrayBuffer()).toString('hex')]).toEqual([
      200,
      '0801',
    ]);
  });

  test('a request that is not built as its message is MALFORMED_REQUEST', async () => {
    const { url } = await startServer();
    const response = await post(`${url}${batch}`, Buffer.from('0801', 'hex'), {
      'content-type': 'application/proto',
    });
    const { code, message, details } = (await response.json()) as ErrorResponse;
    const [info] = details ?? [];
    expect([
      code,
      message,
      fromBinary(ErrorInfoSchema, Buffer.from(info?.value ?? '', 'base64')).reason,
    ]).toEqual([
      'invalid_argument',
      expect.stringContaining('customer_ids: is not encoded as the type of the field is'),
      'MALFORMED_REQUEST',
    ]);
  });
});

describe('memory of the calls in flight', () => {
  /** A server with memory for two calls, which it holds, and a health check. */
  async function busyServer() {
    const released = Promise.withResolvers<void>();
    let calls = 0;
    const { url, lines } = await startServer({
      limits: { memoryBytes: 100_000 },
      implementation: {
        ...customers,
        async getCustomer({ customerId }) {
          calls++;
          if (customerId === 'held') await released.promise;
          return { customer: { customerId } };
        },
      },
    });
    onTestFinished(() => released.resolve());
    const client = customerClient(createConnectTransport({ baseUrl: url, httpVersion: '1.1' }));
    const held = [client.getCustomer({ customerId: 'held' }), client.getCustomer({ customerId: 'held' })];
    await eventually(() => expect(calls).toBe(2));
    return { url, client, held, lines, release: released.resolve, calls: () => calls };
  }

  test('when it is exhausted calls are refused with the time to repeat them, and health checks get a response', async () => {
    const { url, client, held, release, calls } = await busyServer();
    const error = await failure(client.getCustomer({ customerId: 'c-1' }));
    expect([error.code, errorReason(error), calls()]).toEqual([Code.ResourceExhausted, 'OVERLOADED', 2]);
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(1n);
    const health = createClient(Health, createConnectTransport({ baseUrl: url, httpVersion: '1.1' }));
    expect(await health.check({})).toBeDefined();

    release();
    await Promise.all(held);
    expect((await client.getCustomer({ customerId: 'c-1' })).customer?.customerId).toBe('c-1');
    // The memory was released: many sequential calls pass.
    for (let call = 0; call < 20; call++) await client.getCustomer({ customerId: 'c-1' });
  });

  test('our client takes it for an outage in which nothing was done, and does not repeat the call at once', async () => {
    const { url, lines } = await busyServer();
    const { client, transport } = createRpcClient(CustomerService, {
      name: 'customers',
      baseUrl: url,
      policies: { retries: 2, breakerFailures: 2 },
      logger: createLogger({ service: 'test', level: 'error' }),
    });
    onTestFinished(() => transport.close());
    const error = await failure(client.getCustomer({ customerId: 'c-1' }));
    expect([error.code, errorReason(error), wasNotSent(error)]).toEqual([
      Code.Unavailable,
      'DEPENDENCY_UNAVAILABLE',
      true,
    ]);
    expect(lines.filter(({ reason }) => reason === 'OVERLOADED')).toHaveLength(1);
    await failure(client.getCustomer({ customerId: 'c-1' }));
    expect(transport.breakerState()).toBe('open');
  });

  test('the charge of a caller that disconnects is released', async () => {
    const { url } = await startServer({ limits: { memoryBytes: 200_000 } });
    for (let call = 0; call < 10; call++) {
      const gone = new AbortController();
      const body = new ReadableStream({
        async start(stream) {
          stream.enqueue(new Uint8Array(8_000));
          await delay(5);
          gone.abort();
        },
      });
      const options = {
        method: 'POST',
        headers: { 'content-type': 'application/proto' },
        body,
        signal: gone.signal,
      };
      await fetch(`${url}${batch}`, { ...options, duplex: 'half' } as RequestInit).catch(() => {});
    }
    const client = customerClient(createConnectTransport({ baseUrl: url, httpVersion: '1.1' }));
    await eventually(async () => expect(await client.getCustomer({ customerId: 'c-1' })).toBeDefined());
  });
});

test('fields of a newer contract do not count into what makes a request the same', async () => {
  const hashes: string[] = [];
  const { url } = await startServer({
    implementation: {
      async createCustomer(request, context) {
        const repeatable = repeatableRequest(CreateCustomerRequestSchema, request, context);
        hashes.push(Buffer.from(repeatable?.contentHash ?? []).toString('hex'));
        return { customer: request.customer ?? {} };
      },
    },
  });
  const request = create(CreateCustomerRequestSchema, {
    customer: { customerId: 'c-1', name: 'Ann', email: 'ann@example.com' },
    requestId: 'r-1',
  });
  const bytes = Buffer.from(toBinary(CreateCustomerRequestSchema, request));
  // In the request, and in its customer: the tag of field 1, its length, and as much of it again as there is.
  const inner = Buffer.concat([bytes.subarray(2, 2 + (bytes[1] ?? 0)), unknownFields.subarray(0, 3)]);
  const newer = Buffer.concat([
    Buffer.from([0x0a, inner.length]),
    inner,
    bytes.subarray(2 + (bytes[1] ?? 0)),
  ]);
  for (const body of [bytes, Buffer.concat([bytes, unknownFields]), newer]) {
    const path = '/orderflow.enrichment.v1.CustomerService/CreateCustomer';
    const response = await post(`${url}${path}`, body, { 'content-type': 'application/proto' });
    expect(response.status).toBe(200);
    const { customer } = fromBinary(
      CreateCustomerResponseSchema,
      new Uint8Array(await response.arrayBuffer()),
    );
    expect(customer?.$unknown).toBeUndefined();
  }
  expect(hashes).toHaveLength(3);
  expect(new Set(hashes).size).toBe(1);
});
