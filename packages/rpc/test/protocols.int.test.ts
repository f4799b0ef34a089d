import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import * as grpc from '@grpc/grpc-js';
import { BadRequestSchema, ErrorInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { StatusSchema } from '@orderflow/contracts/google/rpc/status';
import {
  BatchGetCustomersRequestSchema,
  GetCustomerRequestSchema,
  GetCustomerResponseSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { describe, expect, onTestFinished, test } from 'vitest';
import { errorInfo, errorReason } from '../src/index.ts';
import { customerClient, failure, protocols, startServer } from './fixture.ts';

const path = '/orderflow.enrichment.v1.CustomerService';

describe.for(Object.entries(protocols))('%s', ([, connect]) => {
  test('a call gets a response', async () => {
    const { url } = await startServer();
    const { customer } = await customerClient(connect(url)).getCustomer({ customerId: 'c-1' });
    expect(customer?.name).toBe('Ann');
  });

  test('a declared error keeps its code, text, reason and metadata', async () => {
    const { url } = await startServer();
    const error = await failure(customerClient(connect(url)).getCustomer({ customerId: 'missing' }));
    expect(error.code).toBe(Code.NotFound);
    expect(error.rawMessage).toBe('no such customer');
    expect(errorInfo(error)).toMatchObject({
      reason: 'CUSTOMER_NOT_FOUND',
      metadata: { customer_id: 'missing' },
    });
  });

  test('a request that breaks rules gets every violation', async () => {
    const { url } = await startServer();
    const customerIds = ['', 'c-1', 'x'.repeat(257)];
    const error = await failure(customerClient(connect(url)).batchGetCustomers({ customerIds }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(errorReason(error)).toBe('INVALID_REQUEST');
    const [badRequest] = error.findDetails(BadRequestSchema);
    expect(badRequest?.fieldViolations.map(({ field, reason }) => [field, reason])).toEqual([
      ['customer_ids[0]', 'string.min_len'],
      ['customer_ids[2]', 'string.max_len'],
    ]);
    expect(badRequest?.fieldViolations[0]?.description).toMatch(/at least 1/);
  });

  test('a bug shows nothing but an id, which the log has with the stack', async () => {
    const { url, lines } = await startServer();
    const error = await failure(customerClient(connect(url)).getCustomer({ customerId: 'bug' }));
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toBe('');
    expect(JSON.stringify([...error.metadata, error.details])).not.toContain('secret');
    expect(error.findDetails(ErrorInfoSchema)).toHaveLength(1);
    const line = lines.find(({ level }) => level === 'error');
    expect(line?.['error_id']).toBe(errorInfo(error)?.metadata['error_id']);
    expect(line).toMatchObject({
      err: { message: 'secret text of a bug', stack: expect.stringContaining('fixture') },
    });
  });

  test('a message over the limit is refused with its reason', async () => {
    const { url } = await startServer({ limits: { readMaxBytes: 1000 } });
    const client = customerClient(connect(url));
    const error = await failure(client.batchGetCustomers({ customerIds: Array(20).fill('x'.repeat(100)) }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(errorReason(error)).toBe('MESSAGE_TOO_LARGE');
    expect(await client.getCustomer({ customerId: 'c-1' })).toBeDefined();
  });

  test('a call that outlives its deadline ends with it, though its handler does not', async () => {
    const { url } = await startServer({
      implementation: { getCustomer: () => new Promise(() => {}) },
      limits: { maxTimeoutMs: 100 },
    });
    const error = await failure(customerClient(connect(url)).getCustomer({ customerId: 'c-1' }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(errorReason(error)).toBe('DEADLINE_EXCEEDED');
  });

  test('a method that is not implemented, and one that is unknown, are UNIMPLEMENTED', async () => {
    const { url } = await startServer();
    const leftOut = await failure(customerClient(connect(url)).listCustomers({}));
    expect([leftOut.code, errorReason(leftOut)]).toEqual([Code.Unimplemented, 'UNIMPLEMENTED']);
    const transport = connect(`${url}/nowhere`);
    const unknown = await failure(customerClient(transport).getCustomer({ customerId: 'c-1' }));
    expect([unknown.code, errorReason(unknown)]).toEqual([Code.Unimplemented, 'UNIMPLEMENTED']);
  });
});

describe('@grpc/grpc-js', () => {
  function unaryCall(port: number, method: string, body: Uint8Array, metadata = new grpc.Metadata()) {
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    onTestFinished(() => client.close());
    return new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest(
        `${path}/${method}`,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        Buffer.from(body),
        metadata,
        (error, reply) => (reply ? resolve(reply) : reject(error)),
      );
    });
  }

  function detailsOf(error: grpc.ServiceError) {
    const [bytes] = error.metadata.get('grpc-status-details-bin');
    const status = fromBinary(StatusSchema, bytes as Buffer);
    return status.details.map((any) => any.typeUrl.split('/')[1]);
  }

  test('gets UNIMPLEMENTED for a method that does not exist, with its reason', async () => {
    const { port } = await startServer();
    const error = await unaryCall(port, 'NoSuchMethod', new Uint8Array()).catch((error) => error);
    expect(error.code).toBe(grpc.status.UNIMPLEMENTED);
    expect(detailsOf(error)).toEqual(['google.rpc.ErrorInfo']);
  });

  test('gets a response', async () => {
    const { port } = await startServer();
    const request = toBinary(
      GetCustomerRequestSchema,
      create(GetCustomerRequestSchema, { customerId: 'c-1' }),
    );
    const reply = fromBinary(GetCustomerResponseSchema, await unaryCall(port, 'GetCustomer', request));
    expect(reply.customer?.name).toBe('Ann');
  });

  test('gets all violations of a large request, which fit into its headers', async () => {
    const { port } = await startServer();
    const message = create(BatchGetCustomersRequestSchema, { customerIds: Array(500).fill('') });
    const error: grpc.ServiceError = await unaryCall(
      port,
      'BatchGetCustomers',
      toBinary(BatchGetCustomersRequestSchema, message),
    ).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.code).toBe(grpc.status.INVALID_ARGUMENT);
    expect(detailsOf(error)).toEqual(['google.rpc.ErrorInfo', 'google.rpc.BadRequest']);
  });

  test('gets INVALID_ARGUMENT for bytes that are no message', async () => {
    const { port, lines } = await startServer();
    const error: grpc.ServiceError = await unaryCall(port, 'GetCustomer', Buffer.from('ffffff', 'hex')).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.code).toBe(grpc.status.INVALID_ARGUMENT);
    expect(detailsOf(error)).toEqual(['google.rpc.ErrorInfo']);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('gets RESOURCE_EXHAUSTED for a message of 8 MiB, and the server lives on', async () => {
    const { port } = await startServer();
    const error: grpc.ServiceError = await unaryCall(
      port,
      'GetCustomer',
      new Uint8Array(8 * 1024 * 1024),
    ).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    const request = toBinary(
      GetCustomerRequestSchema,
      create(GetCustomerRequestSchema, { customerId: 'c-1' }),
    );
    expect(await unaryCall(port, 'GetCustomer', request)).toBeDefined();
  });
});

test('every call is measured with its code and protocol, also when its request could not be read', async () => {
  const { url, metrics } = await startServer();
  await customerClient(createGrpcTransport({ baseUrl: url })).getCustomer({ customerId: 'c-1' });
  await customerClient(createConnectTransport({ baseUrl: url, httpVersion: '1.1' })).getCustomer({
    customerId: 'c-1',
  });
  await fetch(`${url}${path}/GetCustomer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{',
  });
  const text = await metrics.prometheus();
  const counts = text
    .split('\n')
    .filter((line) => line.startsWith('orderflow_rpc_server_duration') && line.includes('_count{'));
  expect(counts).toHaveLength(3);
  expect(counts).toContainEqual(expect.stringMatching(/method="GetCustomer".*code="ok".*protocol="grpc"/));
  expect(counts).toContainEqual(expect.stringMatching(/method="GetCustomer".*code="ok".*protocol="connect"/));
  expect(counts).toContainEqual(
    expect.stringMatching(/method="GetCustomer".*code="invalid_argument".*protocol="connect"/),
  );
});
