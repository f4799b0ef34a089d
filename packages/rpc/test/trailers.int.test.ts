import { once } from 'node:events';
import { type ClientHttp2Stream, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import * as grpc from '@grpc/grpc-js';
import { BadRequestSchema, PreconditionFailureSchema } from '@orderflow/contracts/google/rpc/error_details';
import { StatusSchema } from '@orderflow/contracts/google/rpc/status';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import {
  BatchGetCustomersRequestSchema,
  GetCustomerRequestSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { describe, expect, onTestFinished, test } from 'vitest';
import { errorInfo, errorReason, refusalErrors, rpcError } from '../src/index.ts';
import { cutToBytes, echoed, withShortEchoes } from '../src/short-text.ts';
import { encodeGrpcMessage } from '../src/trailers.ts';
import { customerClient, failure, protocols, serviceError, serviceReasons, startServer } from './fixture.ts';

const path = '/orderflow.enrichment.v1.CustomerService';

class TestRefusal extends Error {
  readonly reason = 'ORDER_REFUSED';
  readonly metadata: Record<string, string> = {};
  readonly violations;
  constructor(violations: { type: string; subject: string; description: string }[]) {
    super('refused: 日本 50 % of it, "all"');
    this.violations = violations;
  }
}

const violation = (index: number) => ({
  type: 'PRODUCT_NOT_FOUND',
  subject: `lines[${index}].sku`,
  description: `no product "${'日'.repeat(200)}"`,
});

const refusing = {
  refusalError: refusalErrors(TestRefusal, serviceReasons),
  implementation: {
    async getCustomer() {
      throw new TestRefusal(Array.from({ length: 200 }, (_, index) => violation(index)));
    },
  },
};

/** A call by hand; its trailers as they are on the wire. */
async function trailersOf(url: string, method: string, body: Uint8Array, maxHeaderListSize?: number) {
  const session = connectHttp2(url, maxHeaderListSize ? { settings: { maxHeaderListSize } } : {});
  onTestFinished(() => session.destroy());
  await once(session, 'localSettings');
  const stream: ClientHttp2Stream = session.request({
    ':method': 'POST',
    ':path': `${path}/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  stream.end(Buffer.concat([prefix, body]));
  const [trailers]: IncomingHttpHeaders[] = await once(stream.resume(), 'trailers');
  const bytes = Object.entries(trailers ?? {}).reduce(
    (sum, [name, value]) => sum + name.length + String(value).length + 32,
    0,
  );
  return { trailers: trailers ?? {}, bytes };
}

const anyone = toBinary(GetCustomerRequestSchema, create(GetCustomerRequestSchema, { customerId: 'c-1' }));
const badIds = (count: number) =>
  toBinary(
    BatchGetCustomersRequestSchema,
    create(BatchGetCustomersRequestSchema, { customerIds: Array(count).fill('') }),
  );

describe('trailers', () => {
  test.for([1, 50, 200])('%i bad values fit into 8 KiB, and keep their code', async (count) => {
    const { url } = await startServer();
    const { trailers, bytes } = await trailersOf(url, 'BatchGetCustomers', badIds(count as number));
    expect(bytes).toBeLessThanOrEqual(8192);
    expect(trailers['grpc-status']).toBe(String(Code.InvalidArgument));
    const status = fromBinary(
      StatusSchema,
      Buffer.from(String(trailers['grpc-status-details-bin']), 'base64'),
    );
    expect(status.details.map(({ typeUrl }) => typeUrl.split('/')[1])).toEqual([
      'google.rpc.ErrorInfo',
      'google.rpc.BadRequest',
    ]);
  });

  test.for([8192, 2000, 700, 300])('are no larger than the peer takes: %i bytes', async (limit) => {
    const { url } = await startServer(refusing);
    const { trailers, bytes } = await trailersOf(url, 'GetCustomer', anyone, limit as number);
    expect(bytes).toBeLessThanOrEqual(limit as number);
    expect(trailers['grpc-status']).toBe(String(Code.FailedPrecondition));
  });

  test('hold as many violations as fit', async () => {
    const { url } = await startServer(refusing);
    const { bytes } = await trailersOf(url, 'GetCustomer', anyone);
    expect(bytes).toBeLessThanOrEqual(8192);
    expect(bytes).toBeGreaterThan(7000);
  });
});

describe.for(Object.entries(protocols))('%s', ([, connect]) => {
  test('an error too large for headers is the same one, with its first violations', async () => {
    const { url } = await startServer(refusing);
    const error = await failure(customerClient(connect(url)).getCustomer({ customerId: 'c-1' }));
    expect([error.code, errorReason(error)]).toEqual([Code.FailedPrecondition, 'ORDER_REFUSED']);
    expect(error.rawMessage).toBe('refused: 日本 50 % of it, "all"');
    expect(errorInfo(error)?.metadata['violations']).toBe('200');
    const [failed] = error.findDetails(PreconditionFailureSchema);
    expect(failed?.violations.length).toBeGreaterThan(3);
    expect(failed?.violations).toMatchObject(
      Array.from({ length: failed?.violations.length ?? 0 }, (_, index) => violation(index)),
    );
  });

  test('200 bad values are INVALID_ARGUMENT, counted', async () => {
    const { url } = await startServer();
    const customerIds = Array(200).fill('');
    const error = await failure(customerClient(connect(url)).batchGetCustomers({ customerIds }));
    expect([error.code, errorReason(error)]).toEqual([Code.InvalidArgument, 'INVALID_REQUEST']);
    expect(error.rawMessage).toMatch(/^customer_ids\[0\]: .*\(and 199 more\)$/);
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations.length).toBeGreaterThan(20);
  });
});

test('@grpc/grpc-js shows the text unchanged', async () => {
  const { port } = await startServer(refusing);
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  onTestFinished(() => client.close());
  const asIs = (bytes: Buffer) => bytes;
  const error = await new Promise<grpc.ServiceError>((resolve) => {
    client.makeUnaryRequest(`${path}/GetCustomer`, asIs, asIs, Buffer.from(anyone), (failed) =>
      resolve(failed as grpc.ServiceError),
    );
  });
  expect(error.details).toBe('refused: 日本 50 % of it, "all"');
});

describe('what callers send is repeated in part only', () => {
  const long = '日'.repeat(10_000);

  test('by a health check', async () => {
    const { url } = await startServer();
    const health = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const error = await failure(health.check({ service: long }));
    expect([error.code, errorReason(error)]).toEqual([Code.NotFound, 'SERVICE_UNKNOWN']);
    expect(error.rawMessage).toBe(`no service of this name exists here: ${'日'.repeat(20)}…`);
  });

  test.for([
    [{ 'connect-timeout-ms': 'x'.repeat(5000) }, /timeout value: x{61}…$/],
    [
      { 'content-encoding': 'x'.repeat(5000) },
      /^unknown compression "x{60}…: supported encodings are gzip,br$/,
    ],
  ] as const)('by what Connect says of headers', async ([headers, text]) => {
    const { url } = await startServer();
    const response = await fetch(`${url}${path}/GetCustomer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{}',
    });
    expect(await response.json()).toMatchObject({ message: expect.stringMatching(text) });
  });

  test('by what Connect says of JSON', async () => {
    const { url } = await startServer();
    const response = await fetch(`${url}${path}/GetCustomer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ customerId: [long] }),
    });
    const { message } = (await response.json()) as { message: string };
    expect(Buffer.byteLength(message)).toBeLessThan(200);
  });

  test('by a path that is not served', async () => {
    const { url } = await startServer();
    const response = await fetch(`${url}/${'x'.repeat(5000)}`);
    expect(await response.json()).toMatchObject({ message: `GET /${'x'.repeat(60)}… does not exist here` });
  });

  test('by refusals', async () => {
    const error = serviceError('CUSTOMER_NOT_FOUND', `customer ${long} does not exist`, {
      customer_id: long,
    });
    expect(error.rawMessage).toBe(`customer ${'日'.repeat(20)}… does not exist`);
    expect(errorInfo(error)?.metadata).toEqual({ customer_id: `${'日'.repeat(20)}…` });
    expect(Buffer.byteLength(rpcError('INTERNAL', long).rawMessage)).toBeLessThanOrEqual(512);
  });
});

test.for([
  ['', 64, ''],
  ['a'.repeat(64), 64, 'a'.repeat(64)],
  ['a'.repeat(65), 64, `${'a'.repeat(61)}…`],
  ['日'.repeat(22), 64, `${'日'.repeat(20)}…`],
  ['🙂'.repeat(17), 64, `${'🙂'.repeat(15)}…`],
] as const)('%s is cut to bytes', ([text, max, cut]) => {
  expect(cutToBytes(text, max)).toBe(cut);
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(max);
});

test('what is quoted counts as one', () => {
  expect(withShortEchoes(`key "${'a '.repeat(100)}" is unknown`)).toBe(
    `key ${echoed(`"${'a '.repeat(100)}"`)} is unknown`,
  );
});

test.for([
  ['lines[0].quantity: must be > 0 & "whole", 50 %', 'lines[0].quantity: must be > 0 & "whole", 50 %25'],
  ['日\n~\u007f', '%E6%97%A5%0A~%7F'],
  ['\ud800', '%EF%BF%BD'],
])('%s is encoded as little as gRPC allows', ([text, encoded]) => {
  expect(encodeGrpcMessage(text as string)).toBe(encoded);
  expect(decodeURIComponent(encoded as string)).toBe((text as string).toWellFormed());
});

test('half a character in an error, which JSON can contain, becomes a replacement character in all protocols', async () => {
  const { url } = await startServer({
    implementation: {
      async getCustomer() {
        const violations = { fieldViolations: [{ field: 'a\ud800', description: '\udfff' }] };
        throw serviceError('CUSTOMER_NOT_FOUND', 'no customer "\ud800"', { customer_id: '\ud800' }, [
          { desc: BadRequestSchema, value: violations },
        ]);
      },
    },
  });
  for (const [protocol, transport] of Object.entries(protocols)) {
    const error = await failure(customerClient(transport(url)).getCustomer({ customerId: 'c-1' }));
    expect([protocol, error.code, error.rawMessage]).toEqual([
      protocol,
      Code.NotFound,
      'no customer "\ufffd"',
    ]);
    expect(errorInfo(error)?.metadata).toEqual({ customer_id: '\ufffd' });
  }
});
