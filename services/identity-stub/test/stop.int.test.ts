import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { developmentClients } from '../src/domain/clients.ts';
import { runStub, testConfig } from './running-stub.ts';

const { id, secret } = developmentClients.order;

test('a request that is in flight when the service stops gets its token; then nothing is accepted', async () => {
  const stub = await runStub(testConfig());
  const { hostname, port } = new URL(stub.baseUrl);
  const body = `grant_type=client_credentials&client_id=${id}&client_secret=${secret}`;
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(
    `POST /token HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/x-www-form-urlencoded\r\n` +
      `content-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
  );
  // Connections are accepted in their order.
  expect((await fetch(`${stub.baseUrl}/health/live`)).status).toBe(200);

  const stopped = stub.stop();
  await eventually(() =>
    fetch(`${stub.baseUrl}/health/live`).then(
      () => false,
      () => true,
    ),
  );
  socket.write(body.slice(10));
  // The service closes the connection itself.
  const response = await text(socket);
  expect(response).toMatch(/^HTTP\/1\.1 200 /);
  expect(response).toContain('"access_token"');
  await stopped;
});
