import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { CreateOrderRequestSchema } from '@orderflow/contracts/orderflow/order/v1/order_service';

const createOrder = '/orderflow.order.v1.OrderService/CreateOrder';

/** Sends the same request several times at once, in several rounds. Any response is fine, and so is none. */
async function flood(
  url: string,
  path: string,
  {
    body,
    headers,
    atOnce,
    rounds,
  }: { body: Buffer; headers: Record<string, string>; atOnce: number; rounds: number },
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        const signal = AbortSignal.timeout(30_000);
        const init = { method: 'POST', headers, body: new Uint8Array(body), signal };
        await fetch(`${url}${path}`, init)
          .then((response) => response.arrayBuffer())
          .catch(() => {});
      }),
    );
  }
}

/**
 * Not all in one moment: so many calls or connections of any kind would keep a process busy, and what they cost is not
 * asked here.
 */
const arrivalMs = (index: number) => Math.floor(index / 40) * 25;

const protobuf = { 'content-type': 'application/proto' };
const gzipped = { ...protobuf, 'content-encoding': 'gzip' };

/** Empty lines, each of which takes two bytes in the request and hundreds in memory, compressed a thousandfold. */
export async function compressedLines(url: string, count: number): Promise<void> {
  const body = gzipSync(Buffer.alloc(2 * count, Buffer.from([0x1a, 0x00])));
  await flood(url, createOrder, { body, headers: gzipped, atOnce: 8, rounds: 4 });
}

/** Blanks, compressed a thousandfold to 859 bytes, in many calls that are open together: 240 on each connection. */
export async function compressedBlanks(url: string, calls: number): Promise<void> {
  const body = gzipSync(Buffer.alloc(830 * 1024, ' '));
  const perSession = 240;
  const sessions = Array.from({ length: Math.ceil(calls / perSession) }, () => {
    const session = connectHttp2(url);
    session.on('error', () => {});
    return session;
  });
  try {
    await Promise.all(
      Array.from({ length: calls }, async (_, index) => {
        await sleep(arrivalMs(index));
        const stream = sessions[Math.floor(index / perSession)]?.request({
          ':method': 'POST',
          ':path': createOrder,
          'content-type': 'application/json',
          'content-encoding': 'gzip',
        });
        if (stream === undefined) return;
        stream.on('error', () => {});
        stream.resume();
        stream.end(body);
        await once(stream, 'close').catch(() => {});
      }),
    );
  } finally {
    for (const session of sessions) session.destroy();
  }
}

export async function plainLines(url: string, count: number): Promise<void> {
  const body = Buffer.alloc(2 * count, Buffer.from([0x1a, 0x00]));
  await flood(url, createOrder, { body, headers: protobuf, atOnce: 8, rounds: 4 });
}

export async function jsonLines(url: string, count: number): Promise<void> {
  const body = Buffer.from(`{"lines":[${Array(count).fill('{}').join(',')}]}`);
  await flood(url, createOrder, {
    body,
    headers: { 'content-type': 'application/json' },
    atOnce: 8,
    rounds: 4,
  });
}

export async function stockIds(url: string, count: number): Promise<void> {
  const body = Buffer.alloc(2 * count, Buffer.from([0x0a, 0x00]));
  const path = '/orderflow.inventory.v1.InventoryService/BatchGetStock';
  await flood(url, path, { body, headers: protobuf, atOnce: 8, rounds: 4 });
}

export async function unknownFields(url: string, count: number): Promise<void> {
  const body = gzipSync(Buffer.alloc(3 * count, Buffer.from([0xa0, 0x06, 0x01])));
  await flood(url, '/grpc.health.v1.Health/Check', { body, headers: gzipped, atOnce: 8, rounds: 4 });
}

/** A field that the contract does not know, inside one that is stored with the order. */
export async function unknownFieldInAPrice(url: string, bytes: number): Promise<void> {
  const tag = Buffer.from([0xa2, 0x06]);
  const unknown = Buffer.concat([tag, varint(bytes), Buffer.alloc(bytes, 0x61)]);
  const price = Buffer.concat([Buffer.from([0x0a, 0x03, 0x55, 0x53, 0x44, 0x10, 0x01]), unknown]);
  const line = Buffer.concat([
    Buffer.from([0x0a, 0x03, ...Buffer.from('p-9'), 0x18, 0x01, 0x22]),
    varint(price.length),
    price,
  ]);
  const order = toBinary(CreateOrderRequestSchema, create(CreateOrderRequestSchema, { customerId: 'c-1' }));
  const body = Buffer.concat([order, Buffer.from([0x1a]), varint(line.length), line]);
  await flood(url, createOrder, { body, headers: protobuf, atOnce: 8, rounds: 6 });
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  return Buffer.from([...bytes, left]);
}

/** Opens connections without a request. Resolves to a function that closes them. */
export async function idleConnections(
  url: string,
  count: number,
  kind: 'preface' | 'half a preface',
): Promise<() => void> {
  const port = Number(new URL(url).port);
  const bytes =
    kind === 'preface'
      ? Buffer.concat([
          Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
          Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
        ])
      : Buffer.from('PRI ');
  const sockets = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      await sleep(arrivalMs(index));
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.on('connect', () => socket.write(bytes));
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
      return socket;
    }),
  );
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

/** Lines that are all invalid, over gRPC. Resolves to the code and the size of the trailers. */
export async function badLines(
  url: string,
  count: number,
): Promise<{ readonly status: number; readonly trailerBytes: number }> {
  const request = create(CreateOrderRequestSchema, {
    customerId: 'c-1',
    lines: Array.from({ length: count }, () => ({
      reference: { case: 'sku' as const, value: '日'.repeat(200) },
      quantity: -1n,
    })),
  });
  const message = toBinary(CreateOrderRequestSchema, request);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  const session = connectHttp2(url);
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': createOrder,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let received: Record<string, unknown> = {};
    for (const event of ['response', 'trailers'] as const) {
      stream.on(event, (headers: Record<string, unknown>) => {
        received = { ...received, ...headers };
      });
    }
    stream.resume();
    stream.end(Buffer.concat([prefix, message]));
    await once(stream, 'close');
    const trailers = Object.entries(received).filter(([name]) => name.startsWith('grpc-'));
    return {
      status: Number(received['grpc-status']),
      trailerBytes: trailers.reduce((sum, [name, value]) => sum + name.length + String(value).length + 32, 0),
    };
  } finally {
    session.destroy();
  }
}

/** Calls with long responses that the caller does not read: its window is closed. */
export async function unreadResponses(url: string, count: number): Promise<void> {
  const body = gzipSync(Buffer.from(JSON.stringify({ pageSize: 100 })));
  const sessions = Array.from({ length: 4 }, () => {
    const session = connectHttp2(url, { settings: { initialWindowSize: 0 } });
    session.on('error', () => {});
    return session;
  });
  try {
    for (let index = 0; index < count; index++) {
      const session = sessions[index % sessions.length];
      if (session === undefined || session.closed) continue;
      if (index % sessions.length === 0) await sleep(50);
      const stream = session.request({
        ':method': 'POST',
        ':path': '/orderflow.enrichment.v1.ProductService/ListProducts',
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'accept-encoding': 'identity',
      });
      stream.on('error', () => {});
      stream.end(body);
    }
    // Long enough for all of them to be handled; none gets a response, on purpose.
    await sleep(3_000);
  } finally {
    for (const session of sessions) session.destroy();
  }
}
