import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import * as grpc from '@grpc/grpc-js';
import { ErrorInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import {
  CustomerService,
  GetCustomerRequestSchema,
  GetCustomerResponseSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { Fault_Kind, FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../src/test-system.ts';

const path = '/orderflow.enrichment.v1.CustomerService/GetCustomer';
const tooLarge = 5 * 1024 * 1024;

let system: TestSystem;
let url: string;
/** Requests that never become whole. They begin before all tests, which need not wait half a minute for them. */
let unfinished: { readonly overHttp1: Promise<string>; readonly overH2c: Promise<Trailers> };

type Trailers = Readonly<Record<string, string>>;

beforeAll(async () => {
  system = await createTestSystem('rpc-surface');
  const stub = system.services['enrichment-stub'];
  await stub.start();
  url = stub.url;
  unfinished = { overHttp1: unfinishedHeaders(), overH2c: unfinishedMessage() };
});

afterEach(expectAlive);
afterAll(() => system?.[Symbol.asyncDispose]());

async function expectAlive(): Promise<void> {
  const client = createClient(CustomerService, createGrpcTransport({ baseUrl: url }));
  expect((await client.getCustomer({ customerId: 'c-1' })).customer?.active).toBe(true);
}

const transports: Record<string, () => Transport> = {
  'gRPC over h2c': () => createGrpcTransport({ baseUrl: url }),
  'gRPC-Web over HTTP/1.1': () => createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' }),
  'gRPC-Web over h2c': () => createGrpcWebTransport({ baseUrl: url, httpVersion: '2' }),
  'Connect over HTTP/1.1': () => createConnectTransport({ baseUrl: url, httpVersion: '1.1' }),
  'Connect over h2c': () => createConnectTransport({ baseUrl: url, httpVersion: '2' }),
  'Connect with JSON': () =>
    createConnectTransport({ baseUrl: url, httpVersion: '1.1', useBinaryFormat: false }),
};

async function failureOf(
  call: Promise<unknown>,
): Promise<{ code: Code; reason: string | undefined; message: string }> {
  const error = await call.then(
    () => expect.unreachable('the call was answered'),
    (reason: unknown) => ConnectError.from(reason),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  return { code: error.code, reason: info?.reason, message: error.rawMessage };
}

describe.for(Object.entries(transports))('%s', ([, transport]) => {
  test('responds to a call, and to an error with its reason', async () => {
    const client = createClient(CustomerService, transport());
    const { customer } = await client.getCustomer({ customerId: 'c-7' });
    expect(customer).toMatchObject({ customerId: 'c-7', active: true });
    expect(await failureOf(client.getCustomer({ customerId: 'nobody' }))).toMatchObject({
      code: Code.NotFound,
      reason: 'CUSTOMER_NOT_FOUND',
      message: expect.stringContaining('nobody'),
    });
  });

  test('refuses a request of 5 MiB and says so', async () => {
    const client = createClient(CustomerService, transport());
    const request = { customerId: 'x'.repeat(tooLarge) };
    expect(await failureOf(client.getCustomer(request))).toMatchObject({
      code: Code.ResourceExhausted,
      reason: 'MESSAGE_TOO_LARGE',
    });
    // On the same connection, where the protocol keeps it.
    expect(await client.getCustomer({ customerId: 'c-1' })).toBeDefined();
  });

  test('ends a call with its deadline when the response does not come', async () => {
    const faults = createClient(FaultService, createConnectTransport({ baseUrl: url, httpVersion: '1.1' }));
    await faults.setFault({ fault: { method: 'GetCustomer', kind: Fault_Kind.HANG, ids: ['c-9'] } });
    try {
      const client = createClient(CustomerService, transport());
      const call = client.getCustomer({ customerId: 'c-9' }, { timeoutMs: 200 });
      expect(await failureOf(call)).toMatchObject({ code: Code.DeadlineExceeded });
    } finally {
      await faults.clearFaults({});
    }
  });
});

describe('@grpc/grpc-js', () => {
  function getCustomer(body: Buffer): Promise<Buffer> {
    const client = new grpc.Client(new URL(url).host, grpc.credentials.createInsecure());
    const asIs = (bytes: Buffer) => bytes;
    return new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest(path, asIs, asIs, body, (error, reply) =>
        reply ? resolve(reply) : reject(error),
      );
    }).finally(() => client.close());
  }
  const requestFor = (customerId: string) =>
    Buffer.from(toBinary(GetCustomerRequestSchema, create(GetCustomerRequestSchema, { customerId })));

  test('gets a response', async () => {
    const { customer } = fromBinary(GetCustomerResponseSchema, await getCustomer(requestFor('c-7')));
    expect(customer).toMatchObject({ customerId: 'c-7', active: true });
  });

  test.for([
    ['NOT_FOUND for an unknown customer', requestFor('nobody'), grpc.status.NOT_FOUND],
    ['INVALID_ARGUMENT for an empty id', requestFor(''), grpc.status.INVALID_ARGUMENT],
    [
      'INVALID_ARGUMENT for bytes that are no message',
      Buffer.from('ffffff', 'hex'),
      grpc.status.INVALID_ARGUMENT,
    ],
    ['RESOURCE_EXHAUSTED for 5 MiB', Buffer.alloc(tooLarge), grpc.status.RESOURCE_EXHAUSTED],
  ] as const)('gets %s', async ([, body, code]) => {
    const error = (await getCustomer(body).catch((reason: unknown) => reason)) as grpc.ServiceError;
    expect(error).toMatchObject({ code, details: expect.stringMatching(/\w+/) });
    expect(error.metadata.get('grpc-status-details-bin')).toHaveLength(1);
  });
});

describe('malformed requests', () => {
  async function post(body: string | Uint8Array<ArrayBuffer>, contentType: string) {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    });
    return { status: response.status, body: await response.text() };
  }

  test.for([
    ['JSON that is cut off', '{"customerId":', 'application/json'],
    ['JSON of another shape', '{"customerId":[1]}', 'application/json'],
    ['bytes that are no message', new Uint8Array([255, 255, 255]), 'application/proto'],
  ] as const)('%s', async ([, body, contentType]) => {
    const response = await post(body, contentType);
    expect(response.status).toBe(400);
    expect(JSON.parse(response.body)).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/\w+/),
      details: [{ type: 'google.rpc.ErrorInfo' }],
    });
  });

  test('an unknown content type', async () => {
    expect((await post('hello', 'text/plain')).status).toBe(415);
  });

  test('what is not HTTP', async () => {
    const socket = connectTcp(Number(new URL(url).port), '127.0.0.1');
    socket.end('hello, is this HTTP?\r\n\r\n');
    const response = await text(socket);
    expect(response).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(response).toContain('this is not HTTP/1.1 or HTTP/2');
  });
});

describe('requests that never become whole', () => {
  test('headers over HTTP/1.1 get 408 after 10 seconds', { timeout: 30_000 }, async () => {
    expect(await unfinished.overHttp1).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n.*within the time limit/s);
  });

  test('a message over h2c gets DEADLINE_EXCEEDED after 30 seconds', { timeout: 60_000 }, async () => {
    const trailers = await unfinished.overH2c;
    expect(Number(trailers['grpc-status'])).toBe(Code.DeadlineExceeded);
    expect(decodeURIComponent(trailers['grpc-message'] ?? '')).toContain('did not arrive');
  });
});

function unfinishedHeaders(): Promise<string> {
  const socket = connectTcp(Number(new URL(url).port), '127.0.0.1');
  socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\n`);
  return text(socket);
}

async function unfinishedMessage(): Promise<Trailers> {
  const session = connectHttp2(url);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  // The frame says 100 bytes, and one comes.
  stream.write(Buffer.from([0, 0, 0, 0, 100, 10]));
  const [headers] = await once(stream, 'response');
  const trailers =
    headers['grpc-status'] === undefined ? (await once(stream.resume(), 'trailers'))[0] : headers;
  session.destroy();
  return trailers;
}
