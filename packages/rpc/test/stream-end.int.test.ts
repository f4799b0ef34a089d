import { once } from 'node:events';
import { connect } from 'node:http2';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectionKey, errorReason, resumedStream, rpcError } from '../src/index.ts';
import { newKey, signToken, startIssuer } from './access-fixture.ts';
import { failure, protocols, startServer } from './fixture.ts';

/** A server with a stream that would never end, and how many handlers are in it. */
async function startEndless(options: Parameters<typeof startServer>[0] = {}) {
  const open = { now: 0, ever: 0 };
  const server = await startServer({
    services: [OrderService],
    routes: (router) =>
      router.service(OrderService, {
        async *watchOrder({ orderId }, { signal, values, requestHeader }) {
          open.now++;
          open.ever++;
          try {
            if (requestHeader.has('x-cut')) values.get(connectionKey)?.cut();
            yield { order: { orderId } };
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
          } finally {
            open.now--;
          }
        },
      }),
    ...options,
  });
  return { ...server, open };
}

describe.each(Object.entries(protocols))('%s', (_, transportOf) => {
  test('a stream ends at once when the server stops, and its handler with it', async () => {
    const { url, open, stop, lines } = await startEndless({ graceMs: 60_000 });
    const orders = createClient(OrderService, transportOf(url));
    const watch = orders.watchOrder({ orderId: 'o-1' })[Symbol.asyncIterator]();
    expect((await watch.next()).value.order.orderId).toBe('o-1');
    const ended = failure(watch.next());
    await stop();
    expect(errorReason(await ended)).toBe('SHUTTING_DOWN');
    expect(open.now).toBe(0);
    expect(lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });
});

test('a stream ends when the token of its caller expires, over every protocol', async () => {
  const key = await newKey('k-1');
  const { tokens } = await startIssuer(key);
  const { url, open } = await startEndless({ tokens });
  // It has expired, but for the tolerance of 30 s.
  const claims = { sub: 'c-1', roles: ['customer'] };
  const token = await signToken(key, Date.now(), { claims, expiresIn: -28 });
  const headers = { authorization: `Bearer ${token}` };
  const errors = Object.values(protocols).map(async (transportOf) => {
    const orders = createClient(OrderService, transportOf(url));
    const watch = orders.watchOrder({ orderId: 'o-1' }, { headers })[Symbol.asyncIterator]();
    await watch.next();
    return failure(watch.next());
  });
  for (const error of await Promise.all(errors)) {
    expect(errorReason(error)).toBe('UNAUTHENTICATED');
    expect(error.rawMessage).toContain('it has expired');
  }
  await eventually(async () => expect(open).toEqual({ now: 0, ever: Object.keys(protocols).length }));
});

test('of a stream of which nothing is read one message waits, and then it is cut', async () => {
  const state = { taken: 0, ended: false };
  const { url, lines } = await startServer({
    services: [OrderService],
    limits: { responseStallMs: 300 },
    routes: (router) =>
      router.service(OrderService, {
        async *watchOrders() {
          try {
            for (;;) {
              yield { order: { orderId: 'x'.repeat(1_000) } };
              state.taken++;
            }
          } finally {
            state.ended = true;
          }
        },
      }),
  });
  // The window lets the client's first bytes through, and nothing more.
  const session = connect(url, { settings: { initialWindowSize: 1_500 } });
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${OrderService.typeName}/WatchOrders`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => {});
  stream.end(Buffer.alloc(5));
  await once(stream, 'response');
  await eventually(() => expect(state.ended).toBe(true));
  expect(state.taken).toBe(1);
  expect(lines.map(({ msg }) => msg)).toContainEqual(expect.stringContaining('its client read nothing'));
});

test('a caller that goes ends its stream', async () => {
  const { url, open } = await startEndless();
  for (const transportOf of Object.values(protocols)) {
    const stop = new AbortController();
    const watch = createClient(OrderService, transportOf(url))
      .watchOrder({ orderId: 'o-1' }, { signal: stop.signal })
      [Symbol.asyncIterator]();
    await watch.next();
    expect(open.now).toBe(1);
    stop.abort();
    await eventually(async () => expect(open.now).toBe(0));
    await failure(watch.next());
  }
});

test('a stream ends whose connection is lost just before it sends something, over every protocol', async () => {
  const { url, open } = await startEndless();
  for (const transportOf of Object.values(protocols)) {
    const orders = createClient(OrderService, transportOf(url));
    const watch = orders.watchOrder({ orderId: 'o-1' }, { headers: { 'x-cut': 'yes' } });
    await failure(Array.fromAsync(watch));
  }
  await eventually(async () => expect(open).toEqual({ now: 0, ever: Object.keys(protocols).length }));
});

describe('resumedStream', () => {
  const never = new AbortController().signal;

  test('opens a stream again after its end, a lost connection and errors that pass', async () => {
    const ends = ['OK', 'connection', 'SHUTTING_DOWN', 'UNAUTHENTICATED', 'ORDER_NOT_FOUND'];
    const { url } = await startServer({
      services: [OrderService],
      routes: (router) => {
        router.service(OrderService, {
          async *watchOrder({ orderId }, { values }) {
            yield { order: { orderId: `${orderId} ${ends[0]}` } };
            const end = ends.shift();
            if (end === 'connection') values.get(connectionKey)?.cut();
            if (end === 'SHUTTING_DOWN' || end === 'UNAUTHENTICATED') throw rpcError(end, 'as a test wants');
            if (end === 'ORDER_NOT_FOUND') throw rpcError('SERVICE_UNKNOWN', 'it does not pass');
          },
        });
      },
    });
    const orders = createClient(OrderService, createGrpcTransport({ baseUrl: url }));
    const seen: string[] = [];
    const broken: ConnectError[] = [];
    const read = async () => {
      const open = (signal: AbortSignal) => orders.watchOrder({ orderId: 'o-1' }, { signal });
      for await (const { order } of resumedStream({
        open,
        signal: never,
        onBreak: (e) => void broken.push(e),
      }))
        seen.push(order?.orderId ?? '');
    };
    expect(errorReason(await failure(read()))).toBe('SERVICE_UNKNOWN');
    // What was sent just before the connection was lost may have been lost, too.
    expect(seen.filter((each) => each !== 'o-1 connection')).toEqual([
      'o-1 OK',
      'o-1 SHUTTING_DOWN',
      'o-1 UNAUTHENTICATED',
      'o-1 ORDER_NOT_FOUND',
    ]);
    expect(broken).toHaveLength(3);
  });

  test.each(Object.entries(protocols))('closes its stream when it is left: %s', async (_, transportOf) => {
    const { url, open } = await startEndless();
    const orders = createClient(OrderService, transportOf(url));
    const openStream = (signal: AbortSignal) => orders.watchOrder({ orderId: 'o-1' }, { signal });
    for await (const _ of resumedStream({ open: openStream, signal: never })) break;
    await eventually(async () => expect(open).toEqual({ now: 0, ever: 1 }));
  });

  test('ends with the reason of its signal, also between two attempts', async () => {
    const stop = new AbortController();
    const open = () => {
      setImmediate(() => stop.abort(new Error('enough')));
      throw new ConnectError('nothing listens there', Code.Unavailable);
    };
    const responses = resumedStream({ open, signal: stop.signal });
    await expect(responses.next()).rejects.toThrow('enough');
  });
});
