import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Code } from '@connectrpc/connect';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { expect, onTestFinished, test } from 'vitest';
import { createRpcClient } from '../src/index.ts';
import { failure, recordingLogger } from './fixture.ts';

// One message, `status: SERVING`, with its five bytes in front of it.
const message = Buffer.from([0, 0, 0, 0, 2, 8, 1]);

test.for([
  ['within a message', message.subarray(0, 6)],
  ['within the bytes in front of it', message.subarray(0, 3)],
  ['between two messages', message],
] as const)('a stream of replies that ends %s is no fault of the request: INTERNAL', async ([, body]) => {
  const peer = createServer((_req, res) => {
    res.writeHead(200, { 'content-type': 'application/connect+proto' });
    res.end(body);
  });
  await once(peer.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void peer.close());
  const { client, transport } = createRpcClient(Health, {
    name: 'peer',
    baseUrl: `http://127.0.0.1:${(peer.address() as AddressInfo).port}`,
    protocol: 'connect',
    logger: recordingLogger().logger,
  });
  onTestFinished(() => transport.close());
  const error = await failure(Array.fromAsync(client.watch({})));
  expect([error.code, error.message]).toEqual([Code.Internal, expect.stringContaining('protocol error')]);
});
