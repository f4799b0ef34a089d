import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createHealth, createMetrics } from '@orderflow/runtime';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHttpServer } from '../src/index.ts';
import { recordingLogger, startServer } from './fixture.ts';
import { startRestServer } from './rest-fixture.ts';

/** A dependency that fails, and says where it is. */
const database = {
  name: 'database',
  start: async () => {},
  stop: async () => {},
  check: () => Promise.reject(new Error('no connection to db.internal')),
};

async function startManagement(overrides: Partial<Parameters<typeof createHttpServer>[0]> = {}) {
  const { logger, lines } = recordingLogger();
  const server = createHttpServer({
    name: 'management-server',
    maxConnections: 64,
    graceMs: 1_000,
    service: 'test',
    host: '127.0.0.1',
    port: 0,
    health: createHealth([]),
    prometheus: createMetrics({ service: 'test' }).prometheus,
    logger,
    ...overrides,
  });
  await server.start();
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= server.stop());
  onTestFinished(stop);
  return { url: `http://127.0.0.1:${server.port}`, port: server.port, lines, stop };
}

describe('the management port', () => {
  test.for([
    '/metrics',
    '/health/detailed',
    '/health',
    '/api/v1/health',
    '/health/ready',
    '/health/live',
    '/up',
  ])('serves %s', async (path) => {
    const { url } = await startManagement();
    expect((await fetch(`${url}${path}`)).status).toBe(200);
    expect((await fetch(`${url}${path}`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${url}${path}`, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  test('shows every check', async () => {
    const { url } = await startManagement({ health: createHealth([database]) });
    const response = await fetch(`${url}/health/detailed`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      checks: { database: { error: 'no connection to db.internal' } },
    });
  });

  test.for(['/', '/docs', '/openapi.json', '/orders/o-1'])('has no %s', async (path) => {
    const { url } = await startManagement();
    const response = await fetch(`${url}${path}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: 'route_not_found', served: { services: [] } });
  });

  test('carries out no calls', async () => {
    const { url } = await startManagement();
    const response = await fetch(`${url}/orderflow.enrichment.v1.CustomerService/GetCustomer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"customerId":"c-1"}',
    });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'unimplemented' });
  });

  test('a page that fails says so, and only the log says why', async () => {
    const { url, lines } = await startManagement({ prometheus: () => Promise.reject(new Error('secret')) });
    const response = await fetch(`${url}/metrics`);
    expect([response.status, await response.text()]).toEqual([500, 'internal error\n']);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error', path: '/metrics' }));
  });

  test('a client that goes away in the middle of its request ends nothing else', async () => {
    const { url, port } = await startManagement();
    const socket = connect(port, '127.0.0.1');
    socket.write('POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{');
    await once(socket, 'data');
    socket.resetAndDestroy();
    expect((await fetch(`${url}/up`)).status).toBe(200);
  });

  test('a port in use is an error', async () => {
    const { port } = await startManagement();
    await expect(startManagement({ port })).rejects.toThrow(/EADDRINUSE/);
  });
});

describe('stop', () => {
  test('a page in flight is sent, and ends its connection', async () => {
    const gate = Promise.withResolvers<string>();
    const asked = Promise.withResolvers<void>();
    const { url, stop } = await startManagement({
      prometheus: () => {
        asked.resolve();
        return gate.promise;
      },
    });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const responded = once(get(`${url}/metrics`, { agent }), 'response');
    await asked.promise;
    const began = performance.now();
    const stopping = stop();
    gate.resolve('all of it');
    const [response]: IncomingMessage[] = await responded;
    expect(String(Buffer.concat((await response?.toArray()) ?? []))).toBe('all of it');
    await stopping;
    expect(performance.now() - began).toBeLessThan(900);
    await expect(fetch(`${url}/up`)).rejects.toThrow();
  });

  test('connections that ask for nothing do not hold it up', async () => {
    const { url, port, stop } = await startManagement();
    const silent = connect(port, '127.0.0.1');
    onTestFinished(() => void silent.destroy());
    await once(silent, 'connect');
    await fetch(`${url}/up`);
    const began = performance.now();
    await stop();
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe('the port of calls beside a management port', () => {
  const hasManagementPort = true;

  test.for(['/metrics', '/health/detailed'])('has no %s', async (path) => {
    const { url } = await startServer({ hasManagementPort });
    const response = await fetch(`${url}${path}`);
    expect(response.status).toBe(404);
    const { served } = (await response.json()) as { served: { pages: string[] } };
    expect(served.pages).toContain('/health');
    expect(served.pages).not.toContain(path);
  });

  test.for(['/health', '/api/v1/health', '/health/ready'])(
    '%s says whether the process is ready, and not why',
    async (path) => {
      const ready = await startServer({ hasManagementPort });
      expect((await fetch(`${ready.url}${path}`)).status).toBe(200);
      const { url } = await startServer({ hasManagementPort, components: [database] });
      const response = await fetch(`${url}${path}`);
      expect(response.status).toBe(503);
      const body = (await response.json()) as Record<string, unknown>;
      expect([body['ready'], body['draining'], body['checks']]).toEqual([false, false, {}]);
    },
  );

  test('does not describe what it does not have', async () => {
    const { url } = await startRestServer({ hasManagementPort });
    const document = await (await fetch(`${url}/openapi.json`)).json();
    const { paths } = document as { paths: Record<string, unknown> };
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/health', '/orders']));
    expect(paths['/health/detailed']).toBeUndefined();
  });

  test.for(['/health/live', '/up'])('has %s', async (path) => {
    const { url } = await startServer({ hasManagementPort });
    expect((await fetch(`${url}${path}`)).status).toBe(200);
  });
});
