import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { Code, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { ServerReflection } from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { errorReason } from '../src/index.ts';
import { customerClient, failure, protocols, startServer } from './fixture.ts';

const path = '/orderflow.enrichment.v1.CustomerService/GetCustomer';

/** A server that counts the calls its handler begins. */
async function startCounting() {
  const begun = { calls: 0 };
  const server = await startServer({
    implementation: {
      async getCustomer({ customerId }) {
        begun.calls += 1;
        return { customer: { customerId } };
      },
    },
  });
  return { ...server, begun };
}

/** Sends this deadline, whatever the transport makes of it. */
const deadline = (value: string, connect: boolean) => ({
  headers: { [connect ? 'connect-timeout-ms' : 'grpc-timeout']: value },
});

describe.for(Object.entries(protocols))('%s', ([name, connect]: [string, (url: string) => Transport]) => {
  const isConnect = name.startsWith('Connect');

  test('a call without any time left is DEADLINE_EXCEEDED, counted, and not carried out', async () => {
    const { url, begun, metrics, lines } = await startCounting();
    const client = customerClient(connect(url));
    const call = client.getCustomer({ customerId: 'c-1' }, deadline(isConnect ? '0' : '0m', isConnect));
    const error = await failure(call);
    expect([error.code, errorReason(error)]).toEqual([Code.DeadlineExceeded, 'DEADLINE_EXCEEDED']);
    expect(begun.calls).toBe(0);
    expect(await metrics.prometheus()).toMatch(/server_duration\S*_count\{.*code="deadline_exceeded".*\} 1/);
    expect(lines).toContainEqual(expect.objectContaining({ code: 'deadline_exceeded' }));
  });

  test.for(isConnect ? ['70000', '9999999999'] : ['70S', '99999999H'])(
    'a unary call that wants more time than any gets is refused: %s',
    async (value) => {
      const { url, begun } = await startCounting();
      const client = customerClient(connect(url));
      const error = await failure(
        client.getCustomer({ customerId: 'c-1' }, deadline(value as string, isConnect)),
      );
      expect([error.code, errorReason(error)]).toEqual([Code.InvalidArgument, 'MALFORMED_REQUEST']);
      expect(error.rawMessage).toBe(
        'the deadline is more than 60000 ms away, which is the longest that a unary call may have',
      );
      expect(begun.calls).toBe(0);
    },
  );
});

test('a call whose time is over before its request is whole is not carried out', async () => {
  const { port, begun, lines } = await startCounting();
  const call = request({ port, path, method: 'POST', headers: { 'connect-timeout-ms': '50' } });
  call.setHeader('content-type', 'application/json');
  call.write('{"customerId":');
  await eventually(() => lines.some(({ code }) => code === 'deadline_exceeded'));
  call.end('"c-1"}');
  const [response] = await once(call, 'response');
  expect(response.statusCode).toBe(504);
  expect(begun.calls).toBe(0);
});

describe('streams', () => {
  test.for(['61S', '1H', '99999999H'])('may last, and say so: %s', async (value) => {
    const { url, lines } = await startServer();
    const transport = createGrpcTransport({ baseUrl: url });
    const abort = new AbortController();
    const options = { ...deadline(value, false), signal: abort.signal };
    const watched = createClient(Health, transport).watch({}, options)[Symbol.asyncIterator]();
    expect((await watched.next()).done).toBe(false);

    async function* questions() {
      yield { messageRequest: { case: 'listServices' as const, value: '' } };
    }
    const reflection = createClient(ServerReflection, transport);
    for await (const { messageResponse } of reflection.serverReflectionInfo(questions(), options)) {
      expect(messageResponse.case).toBe('listServicesResponse');
    }
    expect(lines.filter(({ code }) => code === 'deadline_exceeded')).toEqual([]);
    abort.abort();
    expect((await failure(watched.next())).code).toBe(Code.Canceled);
  });

  test('end with their deadline', async () => {
    const { url } = await startServer();
    const watched = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const watching = (async () => {
      for await (const _ of watched.watch({}, deadline('100m', false)));
    })();
    const error = await failure(watching);
    expect([error.code, errorReason(error)]).toEqual([Code.DeadlineExceeded, 'DEADLINE_EXCEEDED']);
  });

  test('of reflection that are silent end when the server stops, and do not hold it up', async () => {
    const { url, stop } = await startServer({ graceMs: 60_000 });
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({
      ...headers,
      ':path': '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    });
    const responded = once(stream, 'response');
    // list_services, so that it is known to have begun.
    stream.write(Buffer.from([0, 0, 0, 0, 2, 0x3a, 0]));
    await responded;
    const ended = once(stream.resume(), 'trailers');
    const began = performance.now();
    await stop();
    const [trailers] = await ended;
    expect(Number(trailers['grpc-status'])).toBe(Code.Unavailable);
    expect(performance.now() - began).toBeLessThan(30_000);
  });
});
