import { connect, constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import {
  CustomerService,
  GetCustomerRequestSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { eventually } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';
import { type LogLine, protocols, startServer } from './fixture.ts';

/** A server whose calls end only when their callers go. */
async function startWaitingServer() {
  const arrived = Promise.withResolvers<void>();
  const server = await startServer({
    implementation: {
      async getCustomer(_, { signal }) {
        arrived.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        throw signal.reason;
      },
    },
  });
  return { ...server, arrived: arrived.promise };
}

const expectQuietEnd = (lines: readonly LogLine[]) =>
  eventually(() => {
    const ends = lines.filter((line) => 'code' in line);
    expect(ends.map(({ code, level }) => ({ code, level }))).toEqual([{ code: 'canceled', level: 'debug' }]);
  });

test.for(Object.keys(protocols))('%s: a caller that goes away is no failure of ours', async (name) => {
  const { url, lines, arrived } = await startWaitingServer();
  const client = createClient(CustomerService, (protocols[name] as (url: string) => never)(url));
  const leaving = new AbortController();
  const call = client.getCustomer({ customerId: 'c-1' }, { signal: leaving.signal });
  await arrived;
  leaving.abort();
  await expect(call).rejects.toThrow();
  await expectQuietEnd(lines);
});

test('nor is one that resets its stream with an error of its own', async () => {
  const { url, lines, arrived } = await startWaitingServer();
  const session = connect(url);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${CustomerService.typeName}/GetCustomer`,
    'content-type': 'application/grpc+proto',
    te: 'trailers',
  });
  stream.on('error', () => {});
  const message = toBinary(GetCustomerRequestSchema, create(GetCustomerRequestSchema, { customerId: 'c-1' }));
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([frame, message]));
  await arrived;
  stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  await expectQuietEnd(lines);
});

test('nor is one that closes the connection of its REST call', async () => {
  const { port, lines, arrived } = await startWaitingServer();
  const socket = connectTcp({ host: '127.0.0.1', port });
  socket.write('GET /customers/c-1 HTTP/1.1\r\nhost: x\r\n\r\n');
  await arrived;
  socket.destroy();
  await expectQuietEnd(lines);
});

test('nor is one that resets its REST call over HTTP/2', async () => {
  const { url, lines, arrived } = await startWaitingServer();
  const session = connect(url);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':method': 'GET', ':path': '/customers/c-1' });
  stream.on('error', () => {});
  await arrived;
  stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  await expectQuietEnd(lines);
});
