import { createServer, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { Code } from '@connectrpc/connect';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { currentTrace, withTrace } from '@orderflow/runtime';
import { createProxy, eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createRpcClient, errorReason, type RpcPolicies, rpcError, wasNotSent } from '../src/index.ts';
import { type customers, failure, recordingLogger, serviceError, startServer } from './fixture.ts';

const request = { customerId: 'c-1' };

function connect(
  baseUrl: string,
  policies: Partial<RpcPolicies> = {},
  protocol: 'grpc' | 'connect' = 'grpc',
) {
  const { logger, lines } = recordingLogger();
  const { client, transport } = createRpcClient(CustomerService, {
    name: 'customers',
    baseUrl,
    protocol,
    policies: { retries: 0, ...policies },
    readMaxBytes: 1000,
    logger,
  });
  onTestFinished(() => transport.close());
  return { client, transport, lines };
}

/** A server whose GetCustomer and CreateCustomer run the script, one entry a call; the last one repeats. */
async function startScripted(...script: (() => unknown)[]) {
  let calls = 0;
  const next = async () => {
    const step = script[Math.min(calls++, script.length - 1)];
    await step?.();
    return { customer: request };
  };
  const implementation: typeof customers = { getCustomer: next, createCustomer: next };
  const server = await startServer({ implementation, graceMs: 100 });
  return { ...server, calls: () => calls };
}

const fine = () => {};
const unavailable = () => {
  throw rpcError('SHUTTING_DOWN', 'stopping');
};
const never = () => new Promise(() => {});

describe('retry', () => {
  test('a read is repeated after UNAVAILABLE', async () => {
    const { url, calls } = await startScripted(unavailable, unavailable, fine);
    const { client } = connect(url, { retries: 2, retryDelayMs: 1 });
    expect((await client.getCustomer(request)).customer).toMatchObject(request);
    expect(calls()).toBe(3);
  });

  test('a read is repeated after a try that took too long, within the total time', async () => {
    const { url, calls } = await startScripted(never, fine);
    const { client } = connect(url, { retries: 1, retryDelayMs: 1, tryTimeoutMs: 1000 });
    await client.getCustomer(request);
    expect(calls()).toBe(2);
  });

  test('retries end: the last error comes out', async () => {
    const { url, calls } = await startScripted(unavailable);
    const { client } = connect(url, { retries: 2, retryDelayMs: 1 });
    const error = await failure(client.getCustomer(request));
    expect([error.code, errorReason(error), calls()]).toEqual([Code.Unavailable, 'SHUTTING_DOWN', 3]);
  });

  test('a write is repeated only when it carries a request_id', async () => {
    const { url, calls } = await startScripted(unavailable);
    const { client } = connect(url, { retries: 1, retryDelayMs: 1 });
    const customer = { customerId: 'c-1', name: 'Ann', email: 'ann@example.org' };
    await failure(client.createCustomer({ customer }));
    expect(calls()).toBe(1);
    await failure(client.createCustomer({ customer, requestId: 'r-1' }));
    expect(calls()).toBe(3);
  });

  test.for([
    ['CUSTOMER_NOT_FOUND', () => Promise.reject(serviceError('CUSTOMER_NOT_FOUND', ''))],
    ['INTERNAL', () => Promise.reject(new Error('bug'))],
  ] as const)('%s is an answer and not repeated', async ([, step]) => {
    const { url, calls } = await startScripted(step);
    const { client } = connect(url, { retries: 2, retryDelayMs: 1 });
    await failure(client.getCustomer(request));
    expect(calls()).toBe(1);
  });
});

describe('circuit breaker', () => {
  test('opens after UNAVAILABLE in a row, then fails at once with its own reason', async () => {
    const { url, calls } = await startScripted(unavailable);
    const { client, transport, lines } = connect(url, { breakerFailures: 3, breakerResetMs: 60_000 });
    for (let i = 0; i < 3; i++) await failure(client.getCustomer(request));
    expect(transport.breakerState()).toBe('open');
    const error = await failure(client.getCustomer(request));
    expect([error.code, errorReason(error)]).toEqual([Code.Unavailable, 'CIRCUIT_OPEN']);
    expect(calls()).toBe(3);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', api: 'customers', state: 'open' }));
  });

  test('an open circuit is not retried against', async () => {
    const { url } = await startScripted(unavailable);
    const { client } = connect(url, { breakerFailures: 1, retries: 5, retryDelayMs: 3000 });
    await failure(client.getCustomer(request, { timeoutMs: 200 }));
    const began = performance.now();
    expect(errorReason(await failure(client.getCustomer(request)))).toBe('CIRCUIT_OPEN');
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  test.for([200, 5000])(
    'opens after tries that took too long, with %s ms for the call',
    async (totalTimeoutMs) => {
      const { url } = await startScripted(never);
      const { client, transport } = connect(url, { breakerFailures: 2, tryTimeoutMs: 200, totalTimeoutMs });
      await failure(client.getCustomer(request));
      expect(transport.breakerState()).toBe('closed');
      await failure(client.getCustomer(request));
      await eventually(() => transport.breakerState() === 'open', { timeoutMs: 1000 });
    },
  );

  test.for([
    ['NOT_FOUND', () => Promise.reject(serviceError('CUSTOMER_NOT_FOUND', ''))],
    ['INTERNAL', () => Promise.reject(new Error('bug'))],
  ] as const)('%s does not count, and shows that the peer is well', async ([, no]) => {
    const { url } = await startScripted(unavailable, no, unavailable, no, no, no);
    const { client, transport } = connect(url, { breakerFailures: 2 });
    for (let i = 0; i < 6; i++) await failure(client.getCustomer(request));
    expect(transport.breakerState()).toBe('closed');
  });

  test('a call that its caller cancels, or gives too little time, does not count', async () => {
    const { url, calls } = await startScripted(never);
    const { client, transport } = connect(url, { breakerFailures: 1, tryTimeoutMs: 5000 });
    const abort = new AbortController();
    const cancelled = failure(client.getCustomer(request, { signal: abort.signal }));
    await eventually(() => calls() === 1);
    abort.abort();
    expect((await cancelled).code).toBe(Code.Canceled);
    for (let i = 0; i < 3; i++) {
      expect((await failure(client.getCustomer(request, { timeoutMs: 50 }))).code).toBe(
        Code.DeadlineExceeded,
      );
    }
    expect(transport.breakerState()).toBe('closed');
  });

  test('half-open: one call tries, others fail at once, its response closes the circuit', async () => {
    const gate = Promise.withResolvers<void>();
    const { url, calls } = await startScripted(unavailable, () => gate.promise, fine);
    const { client, transport } = connect(url, { breakerFailures: 1, breakerResetMs: 50 });
    await failure(client.getCustomer(request));
    const probe = eventually(async () => {
      const outcome = client.getCustomer(request);
      outcome.catch(() => {});
      await eventually(() => calls() === 2, { timeoutMs: 50 });
      return { outcome };
    });
    const { outcome } = await probe;
    expect(transport.breakerState()).toBe('half-open');
    expect(errorReason(await failure(client.getCustomer(request)))).toBe('CIRCUIT_OPEN');
    gate.resolve();
    await outcome;
    expect(transport.breakerState()).toBe('closed');
  });

  test('half-open: a probe that its caller cancels opens the circuit again', async () => {
    const { url, calls } = await startScripted(unavailable, never);
    const { client, transport } = connect(url, { breakerFailures: 1, breakerResetMs: 50 });
    await failure(client.getCustomer(request));
    const abort = new AbortController();
    await eventually(async () => {
      client.getCustomer(request, { signal: abort.signal }).catch(() => {});
      await eventually(() => calls() === 2, { timeoutMs: 50 });
    });
    abort.abort();
    await eventually(() => transport.breakerState() === 'open');
  });
});

describe('bulkhead and time limits', () => {
  test('more calls than may run and wait fail at once with their own reason', async () => {
    const gate = Promise.withResolvers<void>();
    const { url, calls } = await startScripted(() => gate.promise);
    const { client, transport } = connect(url, { maxConcurrent: 2, maxQueued: 1, breakerFailures: 1 });
    const three = [1, 2, 3].map(() => client.getCustomer(request));
    const error = await failure(client.getCustomer(request));
    expect([error.code, errorReason(error)]).toEqual([Code.Unavailable, 'TOO_MANY_CALLS']);
    await eventually(() => calls() === 2);
    gate.resolve();
    await Promise.all(three);
    expect(calls()).toBe(3);
    expect(transport.breakerState()).toBe('closed');
  });

  test('the total time limit holds for a call that waits its turn', async () => {
    const { url, calls } = await startScripted(never);
    const { client } = connect(url, { maxConcurrent: 1, tryTimeoutMs: 3000, totalTimeoutMs: 3000 });
    const first = failure(client.getCustomer(request));
    const began = performance.now();
    const error = await failure(client.getCustomer(request, { timeoutMs: 100 }));
    expect(performance.now() - began).toBeLessThan(2_000);
    expect([error.code, errorReason(error)]).toEqual([Code.DeadlineExceeded, 'DEADLINE_EXCEEDED']);
    expect(calls()).toBe(1);
    expect((await first).code).toBe(Code.DeadlineExceeded);
  });

  test('the total time limit ends the retries', async () => {
    const { url } = await startScripted(unavailable);
    const { client } = connect(url, {
      retries: 1000,
      breakerFailures: 1000,
      retryDelayMs: 20,
      totalTimeoutMs: 300,
      tryTimeoutMs: 300,
    });
    const began = performance.now();
    const error = await failure(client.getCustomer(request));
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test('the peer gets the deadline of the try', async () => {
    let left: number | undefined;
    const { url } = await startServer({
      implementation: {
        getCustomer(_request, context) {
          left = context.timeoutMs();
          return {};
        },
      },
    });
    await connect(url, { tryTimeoutMs: 5000 }).client.getCustomer(request);
    expect(left).toBeGreaterThan(300);
    expect(left).toBeLessThanOrEqual(5000);
  });
});

describe('what the connection does', () => {
  type Behaviour = (stream: ServerHttp2Stream, socket: Socket) => void;
  const head = { ':status': 200, 'content-type': 'application/grpc+proto' };
  const behaviours: Record<string, Behaviour> = {
    'is reset': (_stream, socket) => void socket.resetAndDestroy(),
    'is closed': (_stream, socket) => socket.destroy(),
    'is closed in the middle of a reply': (stream, socket) => {
      stream.respond(head);
      stream.write(Buffer.from([0, 0, 0, 0, 9, 1]), () => setImmediate(() => socket.destroy()));
    },
    'ends a reply half-way': (stream) => {
      stream.respond(head);
      stream.end(Buffer.from([0, 0, 0, 0, 9, 1]));
    },
    'ends a reply without a status': (stream) => {
      stream.respond(head);
      stream.end(Buffer.from([0, 0, 0, 0, 0]));
    },
    'resets the stream': (stream) => stream.close(8),
    'goes away with an error': (stream) => stream.session?.destroy(new Error('gone')),
    "carries a proxy's page": (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'text/html' });
      stream.end('<html>');
    },
    'carries 404': (stream) => {
      stream.respond({ ':status': 404 });
      stream.end();
    },
  };

  async function listen(server: Server) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test.for(Object.entries(behaviours))('a connection that %s is UNAVAILABLE', async ([, behave]) => {
    const sockets: Socket[] = [];
    const server = createServer();
    server.on('connection', (socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
    });
    server.on('session', (session) => session.on('error', () => {}));
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      const socket = sockets.at(-1);
      if (socket) behave(stream, socket);
    });
    const url = await listen(server as unknown as Server);
    onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
    const { client, transport } = connect(url, { breakerFailures: 1 });
    const error = await failure(client.getCustomer(request));
    expect([error.code, errorReason(error)]).toEqual([Code.Unavailable, 'DEPENDENCY_UNAVAILABLE']);
    expect(error.rawMessage).toBe('customers: no response');
    expect(transport.breakerState()).toBe('open');
    expect(wasNotSent(error)).toBe(false);
  });

  test.for(['grpc', 'connect'] as const)(
    'no listener, or one that does not speak %s, is UNAVAILABLE',
    async (protocol) => {
      const tcp = createTcpServer((socket) => void socket.on('error', () => {}).destroy());
      for (const url of [await listen(tcp), 'http://127.0.0.1:1']) {
        const error = await failure(connect(url, {}, protocol).client.getCustomer(request));
        expect([error.code, errorReason(error)]).toEqual([Code.Unavailable, 'DEPENDENCY_UNAVAILABLE']);
      }
    },
  );

  test.for(['grpc', 'connect'] as const)(
    'over %s, a peer that comes back is reached again',
    async (protocol) => {
      const { port } = await startServer();
      await using proxy = await createProxy({ target: port });
      const { client } = connect(`http://127.0.0.1:${proxy.port}`, { tryTimeoutMs: 1000 }, protocol);
      await client.getCustomer(request);
      proxy.dropReplies();
      const pending = failure(client.getCustomer(request));
      await eventually(() => proxy.connections() > 0);
      await proxy.refuse();
      expect([Code.Unavailable, Code.DeadlineExceeded]).toContain((await pending).code);
      expect((await failure(client.getCustomer(request))).code).toBe(Code.Unavailable);
      await proxy.heal();
      await eventually(() => client.getCustomer(request).then(() => true));
    },
  );

  test('a reply over the limit is a response: no retry, no count', async () => {
    const { url, calls } = await startScripted(fine);
    const big = await startServer({
      implementation: { getCustomer: () => ({ customer: { ...request, name: 'x'.repeat(2000) } }) },
    });
    const { client, transport } = connect(big.url, { breakerFailures: 1 });
    const error = await failure(client.getCustomer(request));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(transport.breakerState()).toBe('closed');
    await connect(url).client.getCustomer(request);
    expect(calls()).toBe(1);
  });
});

test('the trace continues at the peer', async () => {
  const seen: (string | undefined)[] = [];
  const { url } = await startServer({
    implementation: {
      getCustomer() {
        seen.push(currentTrace()?.traceId);
        return {};
      },
    },
  });
  const { client } = connect(url);
  const here = await withTrace({}, async () => {
    await client.getCustomer(request);
    return currentTrace()?.traceId;
  });
  expect(seen).toEqual([here]);
  expect(here).toMatch(/^[\da-f]{32}$/);
});

describe('whether a call was sent', () => {
  test.for(['grpc', 'connect'] as const)(
    '%s: not when the connection is refused, then lost',
    async (protocol) => {
      const { port } = await startScripted(fine);
      const proxy = await createProxy({ target: port });
      onTestFinished(() => proxy.close());
      const { client } = connect(`http://127.0.0.1:${proxy.port}`, { breakerFailures: 100 }, protocol);
      await proxy.refuse();
      expect(wasNotSent(await failure(client.getCustomer(request)))).toBe(true);
      await proxy.heal();
      await client.getCustomer(request);
      proxy.dropReplies();
      const lost = failure(client.getCustomer(request));
      await proxy.refuse();
      expect(wasNotSent(await lost)).toBe(false);
      expect(wasNotSent(await failure(client.getCustomer(request)))).toBe(true);
    },
  );

  test('not to a host that has no address', async () => {
    const { client } = connect('http://nobody.invalid:1');
    expect(wasNotSent(await failure(client.getCustomer(request)))).toBe(true);
  });

  test('not through an open circuit; it was when the peer says that its own circuit is open', async () => {
    const ownCircuit = () => Promise.reject(rpcError('CIRCUIT_OPEN', 'a peer of its own'));
    const { url } = await startScripted(ownCircuit);
    const { client, transport } = connect(url, { breakerFailures: 1, breakerResetMs: 60_000 });
    expect(wasNotSent(await failure(client.getCustomer(request)))).toBe(false);
    expect(transport.breakerState()).toBe('open');
    expect(wasNotSent(await failure(client.getCustomer(request)))).toBe(true);
  });

  test.for(['OVERLOADED', 'RATE_LIMITED'] as const)(
    'not when the peer says %s: an outage',
    async (reason) => {
      let calls = 0;
      const { url } = await startScripted(() => {
        calls++;
        return Promise.reject(rpcError(reason, 'repeat later'));
      });
      const { client } = connect(url, { retries: 2 });
      const error = await failure(client.getCustomer(request));
      expect([error.code, errorReason(error)]).toEqual([Code.Unavailable, 'DEPENDENCY_UNAVAILABLE']);
      expect(wasNotSent(error)).toBe(true);
      expect(calls).toBe(1);
    },
  );

  test('it was when it took too long', async () => {
    const { url } = await startScripted(never);
    const { client } = connect(url, { tryTimeoutMs: 50 });
    expect(wasNotSent(await failure(client.getCustomer(request)))).toBe(false);
  });
});

test('policies in which a try could outlast the whole call are refused', () => {
  expect(() => connect('http://localhost:1', { tryTimeoutMs: 10, totalTimeoutMs: 5 })).toThrow(
    /tryTimeoutMs \(10\)/,
  );
});
