import { connect as connectHttp2, constants } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { RetryInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import {
  CustomerService,
  GetCustomerRequestSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { createLogger } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';
import { createRpcClient, errorInfo, errorReason, wasNotSent } from '../src/index.ts';
import { customerClient, customers, failure, protocols, startServer } from './fixture.ts';

/** A server that carries out eight calls at once, all of which it holds until `release`. */
async function startBusyServer(clientOf: (url: string) => ReturnType<typeof customerClient>) {
  const released = Promise.withResolvers<void>();
  onTestFinished(() => released.resolve());
  let calls = 0;
  const started = await startServer({
    limits: { maxCalls: 8 },
    implementation: {
      ...customers,
      async getCustomer({ customerId }) {
        calls++;
        if (customerId === 'held') await released.promise;
        return { customer: { customerId } };
      },
    },
  });
  const client = clientOf(started.url);
  const held = Array.from({ length: 8 }, () => client.getCustomer({ customerId: 'held' }));
  // Aborted when a test does not release them.
  for (const call of held) call.catch(() => {});
  await eventually(() => expect(calls).toBe(8));
  return { ...started, client, held, release: released.resolve, calls: () => calls };
}

test.for(Object.entries(protocols))(
  '%s: a server with too many calls refuses the next one at once, and nothing is done',
  async ([, transport]) => {
    const busy = await startBusyServer((url) => customerClient(transport(url)));
    const { url, client, held, metrics, lines } = busy;
    for (let n = 0; n < 3; n++) {
      const error = await failure(client.getCustomer({ customerId: 'c-1' }));
      expect([error.code, errorReason(error), errorInfo(error)?.metadata]).toEqual([
        Code.ResourceExhausted,
        'OVERLOADED',
        { cause: 'calls' },
      ]);
      expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(1n);
    }
    expect(busy.calls()).toBe(8);
    const health = createClient(Health, transport(url));
    expect(await health.check({})).toBeDefined();
    expect(await metrics.prometheus()).toMatch(/orderflow_rpc_calls_refused_total\{cause="calls",.*\} 3\n/);
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings).toEqual([
      expect.objectContaining({ msg: expect.stringContaining('overloaded'), calls: 1 }),
    ]);

    busy.release();
    await Promise.all(held);
    expect((await client.getCustomer({ customerId: 'c-1' })).customer?.customerId).toBe('c-1');
  },
);

test('a call counts until its handler has ended, also when its caller had DEADLINE_EXCEEDED', async () => {
  const released = Promise.withResolvers<void>();
  const { url } = await startServer({
    limits: { maxCalls: 2 },
    implementation: {
      async getCustomer({ customerId }) {
        if (customerId === 'held') await released.promise;
        return { customer: { customerId } };
      },
    },
  });
  const client = customerClient(createGrpcTransport({ baseUrl: url }));
  for (let n = 0; n < 2; n++) {
    const late = await failure(client.getCustomer({ customerId: 'held' }, { timeoutMs: 100 }));
    expect(late.code).toBe(Code.DeadlineExceeded);
  }
  expect(errorReason(await failure(client.getCustomer({ customerId: 'c-1' })))).toBe('OVERLOADED');
  released.resolve();
  await eventually(async () => expect(await client.getCustomer({ customerId: 'c-1' })).toBeDefined());
});

test('requests that are never sent whole keep no call from its place', async () => {
  const { url } = await startServer({ limits: { maxCalls: 8 } });
  const session = connectHttp2(url);
  onTestFinished(() => session.destroy());
  for (let n = 0; n < 100; n++) {
    session
      .request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
      .write(frame.subarray(0, 6));
  }
  await new Promise((resolve) => session.ping(resolve));
  const client = customerClient(createGrpcTransport({ baseUrl: url }));
  expect(await client.getCustomer({ customerId: 'c-1' })).toBeDefined();
});

test('our client takes the refusal for an outage in which nothing was done', async () => {
  const { url } = await startBusyServer((baseUrl) => customerClient(createGrpcTransport({ baseUrl })));
  const logger = createLogger({ service: 'test', level: 'error' });
  const { client, transport } = createRpcClient(CustomerService, { name: 'customers', baseUrl: url, logger });
  onTestFinished(() => transport.close());
  const error = await failure(client.getCustomer({ customerId: 'c-1' }));
  expect([error.code, wasNotSent(error)]).toEqual([Code.Unavailable, true]);
});

test('calls that an event loop is too late for are refused', async () => {
  const { url } = await startServer({
    implementation: {
      async getCustomer({ customerId }) {
        const until = performance.now() + 20;
        while (performance.now() < until);
        return { customer: { customerId } };
      },
    },
  });
  const client = customerClient(createGrpcTransport({ baseUrl: url }));
  await client.getCustomer({ customerId: 'c-1' });
  // Four seconds of work.
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, () =>
      client.getCustomer({ customerId: 'c-1' }).then(
        () => 'OK',
        (error) => `${errorReason(error)} ${errorInfo(error)?.metadata['cause']}`,
      ),
    ),
  );
  expect(new Set(outcomes)).toEqual(new Set(['OK', 'OVERLOADED event_loop']));
  expect(await client.getCustomer({ customerId: 'c-1' })).toBeDefined();
});

test('a client that cancels all its calls and begins as many keeps its connection', async () => {
  const { url } = await startServer();
  const session = connectHttp2(url);
  onTestFinished(() => session.destroy());
  session.on('error', () => {});
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const open = () => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.resume();
    return stream;
  };
  const first = Array.from({ length: 256 }, open);
  for (const stream of first) stream.write(frame.subarray(0, 6));
  await new Promise((resolve) => session.ping(resolve));
  const second = Array.from({ length: 256 }, open);
  const ends = second.map((stream) => new Promise((resolve) => stream.once('close', resolve)));
  for (const stream of second) stream.end(frame);
  for (const stream of first) stream.close(constants.NGHTTP2_CANCEL);
  await Promise.all(ends);
  expect(session.destroyed).toBe(false);
  const last = open();
  last.end(frame);
  const trailers = await new Promise<Record<string, unknown>>((resolve) => last.once('trailers', resolve));
  expect(trailers['grpc-status']).toBe('0');
});

const path = `/${CustomerService.typeName}/GetCustomer`;
const message = toBinary(GetCustomerRequestSchema, create(GetCustomerRequestSchema, { customerId: 'c-1' }));
const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
