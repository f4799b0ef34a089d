import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { EventDocs } from '../src/doc-pages.ts';
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

const eventDocs: EventDocs = {
  document: { asyncapi: '3.1.0', info: { title: 'events' } },
  html: `<!doctype html><title>events</title>${'<p>text</p>'.repeat(20_000)}`,
};

describe('/docs/events', () => {
  const about = { path: '/docs/events', method: 'GET' };

  test('is a page that loads and runs nothing; /docs leads to it', async () => {
    const { port } = await startRestServer({ eventDocs: async () => eventDocs });
    const { status, headers, body } = await send(port, about);
    expect([status, body]).toEqual([200, eventDocs.html]);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; style-src 'unsafe-inline';/),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    expect(headers['content-security-policy']).not.toContain('script-src');
    expect((await send(port, { method: 'GET', path: '/openapi.json' })).body).toMatchObject({
      externalDocs: { url: 'docs/events' },
    });
    expect(String((await send(port, { method: 'GET', path: '/docs' })).body)).toContain('href="docs/events"');
  });

  test('is made once, when it or /asyncapi.json is first asked for, and again only after that has failed', async () => {
    let calls = 0;
    const { port, lines } = await startRestServer({
      async eventDocs() {
        calls++;
        if (calls === 1) throw new Error('not now');
        return eventDocs;
      },
    });
    await send(port, { method: 'GET', path: '/openapi.json' });
    expect(calls).toBe(0);
    expect((await send(port, about)).status).toBe(500);
    const paths = ['/docs/events', '/asyncapi.json', '/docs/events', '/asyncapi.json'];
    const all = await Promise.all(paths.map((path) => send(port, { method: 'GET', path })));
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(all[1]?.body).toEqual(eventDocs.document);
    expect(calls).toBe(2);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('is sent again only when it has changed, compressed on request, and without a body for HEAD', async () => {
    const { url, port } = await startRestServer({ eventDocs: async () => eventDocs });
    for (const path of ['/docs/events', '/asyncapi.json']) {
      const { headers } = await send(port, { method: 'HEAD', path });
      expect(Number(headers['content-length'])).toBeGreaterThan(0);
      const known = { 'if-none-match': String(headers.etag) };
      expect(await send(port, { method: 'GET', path, headers: known })).toMatchObject({
        status: 304,
        body: '',
      });
      const session = connectHttp2(url);
      onTestFinished(() => session.destroy());
      const packed = session.request({ ':path': path, 'accept-encoding': 'gzip' });
      const [packedHeaders] = await once(packed, 'response');
      expect(packedHeaders['content-encoding']).toBe('gzip');
      const text = path === '/asyncapi.json' ? JSON.stringify(eventDocs.document) : eventDocs.html;
      expect(gunzipSync(Buffer.concat(await packed.toArray())).toString()).toBe(text);
      const head = session.request({ ':path': path, ':method': 'HEAD' });
      expect([(await once(head, 'response'))[0][':status'], (await head.toArray()).length]).toEqual([200, 0]);
    }
  });

  test('is charged to readers that read nothing', async () => {
    const { url } = await startRestServer({
      eventDocs: async () => eventDocs,
      limits: { memoryBytes: 1024 * 1024 },
    });
    const session = connectHttp2(url, { settings: { initialWindowSize: 1 } });
    onTestFinished(() => session.destroy());
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const [headers] = await once(session.request({ ':path': '/docs/events' }), 'response');
        return headers[':status'];
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    const sent = statuses.filter((status) => status === 200).length;
    expect(sent * eventDocs.html.length).toBeLessThan(1024 * 1024);
  });

  test('takes no other method', async () => {
    const { port } = await startRestServer({ eventDocs: async () => eventDocs });
    for (const method of ['POST', 'DELETE'])
      for (const path of ['/docs/events', '/asyncapi.json'])
        expect((await send(port, { method, path })).status).toBe(405);
  });
});

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

  test('says nothing of events where they are not described', async () => {
    const { port } = await startRestServer();
    for (const path of ['/docs/events', '/asyncapi.json'])
      expect((await send(port, { method: 'GET', path })).status).toBe(404);
    const { body } = await send(port, { method: 'GET', path: '/openapi.json' });
    expect(body).not.toHaveProperty('externalDocs');
    expect(String((await send(port, { method: 'GET', path: '/docs' })).body)).not.toContain('events');
  });

  test('is not there where there is no REST', async () => {
    const { port } = await startRestServer({
      services: [],
      routes: () => {},
      eventDocs: async () => eventDocs,
    });
    for (const path of ['/docs', '/openapi.json', '/docs/events', '/asyncapi.json']) {
      expect((await send(port, { method: 'GET', path })).status).toBe(404);
    }
  });
});
