import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { RetryInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '@orderflow/contracts/grpc/health/v1/health';
import { eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { errorReason } from '../src/index.ts';
import { customerClient, failure, startServer } from './fixture.ts';
import { frame } from './http2-frame.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const settings = frame(4, 0, 0);
const ping = frame(6, 0, 0, Buffer.alloc(8));
/** HEADERS without END_HEADERS: more of them would have to follow. */
const headersBegin = frame(1, 0, 1, Buffer.from([0x82]));
const headersGoOn = frame(9, 0, 1, Buffer.from([0x84]));

/** A connection that sends this, never closes its half and reads what comes. */
async function dial(port: number, bytes: Buffer | string): Promise<Socket & { gone: boolean }> {
  const socket = Object.assign(connect({ port, host: '127.0.0.1', allowHalfOpen: true }), { gone: false });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.on('close', () => {
    socket.gone = true;
  });
  socket.resume();
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

/**
 * Resolves when a connection is gone on the server's side too; `bytes` are sent until then. Without any, nothing is
 * sent before the server has ended its half.
 */
async function gone(socket: Socket & { gone: boolean }, bytes: Buffer = Buffer.alloc(0)): Promise<void> {
  await eventually(() => {
    if (!socket.gone && bytes.length > 0) socket.write(bytes);
    if (!socket.gone && socket.readableEnded) socket.write('x');
    expect(socket.gone).toBe(true);
  });
}

async function isAlive(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health/live`, { headers: { connection: 'close' } });
  return response.ok;
}

/** A call that is in flight until the test ends. */
function gatedServer(overrides: Parameters<typeof startServer>[0]) {
  const gate = Promise.withResolvers<void>();
  onTestFinished(() => gate.resolve());
  const calls = { inFlight: 0 };
  const implementation = {
    async getCustomer({ customerId }: { customerId: string }) {
      calls.inFlight++;
      await gate.promise;
      return { customer: { customerId } };
    },
  };
  return { calls, gate, started: startServer({ ...overrides, implementation }) };
}

const cuts = async (metrics: { prometheus(): Promise<string> }, outcome: string) =>
  Number(
    new RegExp(`orderflow_rpc_connections_cut_total\\{[^}]*outcome="${outcome}"[^}]*\\} (\\d+)`).exec(
      await metrics.prometheus(),
    )?.[1] ?? 0,
  );

describe('until the first request there is little time, and in the end the connection is destroyed', () => {
  const limits = { headersTimeoutMs: 300 };

  test.for([
    ['nothing', ''],
    ['half of the preface', 'PRI '],
    ['the preface and SETTINGS', Buffer.concat([preface, settings]), ping],
    ['the preface, SETTINGS and PINGs for ever', Buffer.concat([preface, settings, ping]), ping],
    ['headers that never end', Buffer.concat([preface, settings, headersBegin]), headersGoOn],
  ] as const)('%s', async ([, bytes, more]) => {
    const { port } = await startServer({ limits });
    await gone(await dial(port, bytes), more);
  });

  test('a connection with a request lives on, one without any since its last is closed, PINGs or not', async () => {
    const { url } = await startServer({ limits: { headersTimeoutMs: 300, idleTimeoutMs: 900 } });
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const began = performance.now();
    let closedAt = 0;
    session.on('close', () => {
      closedAt = performance.now();
    });
    const page = session.request({ ':path': '/health/live' });
    await once(page.resume(), 'close');
    await eventually(() => {
      if (!session.destroyed) session.ping(() => {});
      expect(closedAt).toBeGreaterThan(0);
    });
    expect(closedAt - began).toBeGreaterThan(850);
  });
});

describe('at the limit of connections', () => {
  const limits = { maxConnections: 5, headersTimeoutMs: 30_000 };

  test.for([
    ['PRI ', 'PRI '],
    ['the preface and SETTINGS', Buffer.concat([preface, settings])],
    ['nothing', ''],
  ] as const)('health answers while others send %s', async ([, bytes]) => {
    const { port, url, metrics, lines } = await startServer({ limits });
    for (let n = 0; n < 20; n++) await dial(port, bytes);
    expect(await isAlive(url)).toBe(true);
    expect(await cuts(metrics, 'yielded')).toBeGreaterThanOrEqual(15);
    await eventually(() =>
      expect(lines.some(({ msg }) => msg.startsWith('too many connections'))).toBe(true),
    );
    expect(lines.filter(({ msg }) => msg.startsWith('too many connections'))).toHaveLength(1);
  });

  test('those yield first that never had a request; a call in flight is not touched', async () => {
    const { calls, gate, started } = gatedServer({ limits });
    const { port, url } = await started;
    const call = customerClient(createGrpcTransport({ baseUrl: url })).getCustomer({ customerId: 'c-1' });
    await eventually(() => expect(calls.inFlight).toBe(1));
    const good = connectHttp2(url);
    onTestFinished(() => good.destroy());
    await once(good.request({ ':path': '/health/live' }).resume(), 'close');
    for (let n = 0; n < 20; n++) await dial(port, 'PRI ');
    await once(good.request({ ':path': '/health/live' }).resume(), 'close');
    expect(good.closed).toBe(false);
    gate.resolve();
    expect((await call).customer?.customerId).toBe('c-1');
  });

  test('with a request in flight on each, one more is refused', async () => {
    const { calls, started } = gatedServer({ limits: { ...limits, maxConnections: 2 } });
    const { port, url, metrics } = await started;
    const abort = new AbortController();
    onTestFinished(() => abort.abort());
    for (const customerId of ['c-1', 'c-2']) {
      const client = customerClient(createGrpcTransport({ baseUrl: url }));
      client.getCustomer({ customerId }, { signal: abort.signal }).catch(() => {});
    }
    await eventually(() => expect(calls.inFlight).toBe(2));
    await gone(await dial(port, 'GET / HTTP/1.1\r\n'), Buffer.from('x'));
    expect(await cuts(metrics, 'refused')).toBe(1);
  });

  test('one address may be given a limit of its own', async () => {
    const { port, url, metrics } = await startServer({ limits: { maxConnectionsPerAddress: 3 } });
    const sockets = [await dial(port, 'PRI '), await dial(port, 'PRI '), await dial(port, 'PRI ')];
    await gone(await dial(port, 'PRI '), Buffer.from(' '));
    expect(await cuts(metrics, 'refused_address')).toBe(1);
    sockets[0]?.destroy();
    await eventually(() => isAlive(url));
  });
});

/** How many connections the system holds for a server until it accepts them. */
function waitingToBeAccepted(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const listens = '0A';
  const columns = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, address, , state]) => address === local && state === listens);
  return Number.parseInt(columns?.[4]?.split(':')[1] ?? '', 16);
}

// A connection that finds the backlog full waits until its SYN is repeated, 1 s: a burst must not do that to the next one.
test.runIf(process.platform === 'linux')('a burst of connections waits to be accepted', async () => {
  const { port, url } = await startServer();
  const sockets = Array.from({ length: 900 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  // All have been dialled now, and this process has not accepted any yet.
  await new Promise((resolve) => process.nextTick(resolve));
  expect(waitingToBeAccepted(port)).toBe(900);
  expect(await isAlive(url)).toBe(true);
});

test('watches ask for health once for all of them, and there are at most 100', async () => {
  const { url, health } = await startServer();
  let asked = 0;
  const ready = health.ready.bind(health);
  health.ready = () => {
    asked++;
    return ready();
  };
  const client = createClient(Health, createGrpcTransport({ baseUrl: url }));
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const last = new Map<number, Status>();
  for (let n = 0; n < 100; n++) {
    void failure(
      (async () => {
        for await (const { status } of client.watch({}, { signal: abort.signal })) last.set(n, status);
      })(),
    );
  }
  await eventually(() => expect(last.size).toBe(100));
  const refused = await failure(client.watch({})[Symbol.asyncIterator]().next());
  expect([refused.code, errorReason(refused)]).toEqual([Code.ResourceExhausted, 'OVERLOADED']);
  expect(refused.findDetails(RetryInfoSchema)).toHaveLength(1);

  const before = asked;
  const began = performance.now();
  health.drain();
  await eventually(() =>
    expect([...last.values()].every((status) => status === Status.NOT_SERVING)).toBe(true),
  );
  expect(asked - before).toBeLessThanOrEqual((performance.now() - began) / 250 + 2);
  expect((await client.check({})).status).toBe(Status.NOT_SERVING);
});
