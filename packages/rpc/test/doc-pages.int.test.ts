import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { send, startRestServer } from './rest-fixture.ts';

/** The descriptors with which this process has the script of the page open, where the system tells. */
function openScripts(): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).endsWith('/standalone.js');
    } catch {
      // It was that of the list.
      return false;
    }
  });
}

describe('/docs', () => {
  test('is a page that loads only what this server has', async () => {
    const { port } = await startRestServer();
    const { headers, body } = await send(port, { method: 'GET', path: '/docs' });
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(String(body)).not.toMatch(/https?:/);
    const script = await send(port, { method: 'GET', path: '/docs/scalar.js' });
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(String(body)).toContain('src="docs/scalar.js"');
    expect(Buffer.byteLength(String(script.body))).toBe(Number(script.headers['content-length']));
    const known = { 'if-none-match': String(script.headers.etag) };
    expect(await send(port, { method: 'GET', path: '/docs/scalar.js', headers: known })).toMatchObject({
      status: 304,
    });
  });

  test.for([['/api/docs'], ['/api-docs']])('%s leads to it', async ([path]) => {
    const { url } = await startRestServer();
    const response = await fetch(`${url}${path}`);
    expect([response.status, response.url]).toEqual([200, `${url}/docs`]);
  });

  test('HEAD has no body, over HTTP/2 either', async () => {
    const { url, port, lines } = await startRestServer();
    for (const path of ['/docs', '/docs/scalar.js', '/openapi.json']) {
      expect(await send(port, { method: 'HEAD', path })).toMatchObject({ status: 200, body: '' });
      const session = connectHttp2(url);
      onTestFinished(() => session.destroy());
      const stream = session.request({ ':path': path, ':method': 'HEAD' });
      const [headers] = await once(stream, 'response');
      expect([headers[':status'], (await stream.toArray()).length]).toEqual([200, 0]);
    }
    await expect.poll(openScripts).toEqual([]);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a reader that leaves is no error', async () => {
    const { port, lines } = await startRestServer();
    const received = Promise.withResolvers<ServerResponse>();
    const onRequest = (message: unknown) =>
      received.resolve((message as { response: ServerResponse }).response);
    subscribe('http.server.request.start', onRequest);
    onTestFinished(() => void unsubscribe('http.server.request.start', onRequest));
    const socket = connectTcp(port, '127.0.0.1');
    socket.write('GET /docs/scalar.js HTTP/1.1\r\nhost: x\r\n\r\n');
    const response = await received.promise;
    const { socket: connection } = response.req;
    await once(socket, 'data');
    socket.destroy();
    // It may be reset, which is an error of its own.
    await new Promise((resolve) => connection.once('close', resolve));
    expect(response.writableFinished).toBe(false);
    // Meanwhile its file is closed, too.
    expect((await send(port, { method: 'GET', path: '/docs/scalar.js' })).status).toBe(200);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('readers that leave at once keep no file open', async () => {
    const { port, lines } = await startRestServer();
    for (let reader = 0; reader < 40; reader++) {
      const socket = connectTcp(port, '127.0.0.1');
      socket.write('GET /docs/scalar.js HTTP/1.1\r\nhost: test\r\n\r\n', () => socket.destroy());
      await once(socket, 'close');
    }
    expect((await send(port, { method: 'GET', path: '/docs/scalar.js' })).status).toBe(200);
    await expect.poll(openScripts).toEqual([]);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('readers that read nothing are charged for what they take', async () => {
    const memoryBytes = 8 * 1024 * 1024;
    const { url } = await startRestServer({ limits: { memoryBytes } });
    const session = connectHttp2(url, { settings: { initialWindowSize: 1 } });
    onTestFinished(() => session.destroy());
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const [headers] = await once(session.request({ ':path': '/docs/scalar.js' }), 'response');
        return headers[':status'];
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    // 143 KB of RSS for each, measured with 1,000.
    const sent = statuses.filter((status) => status === 200).length;
    expect(sent * 143_000).toBeLessThan(memoryBytes);
  });

  test('is listed for a GET of a path that does not exist, and takes no other method', async () => {
    const { port } = await startRestServer();
    const { body } = await send(port, { method: 'GET', path: '/' });
    expect(body).toMatchObject({ served: { pages: expect.arrayContaining(['/openapi.json', '/docs']) } });
    expect((await send(port, { method: 'POST', path: '/docs' })).status).toBe(405);
  });

  test('is not there where there is no REST', async () => {
    const { port } = await startRestServer({ services: [], routes: () => {} });
    for (const path of ['/docs', '/openapi.json']) {
      expect((await send(port, { method: 'GET', path })).status).toBe(404);
    }
  });
});
