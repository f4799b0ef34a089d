import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';

/**
 * A TCP proxy on 127.0.0.1 for network faults. Faults hold for open and for new connections until `heal`.
 * Kafka clients connect to the address that the broker advertises, past the proxy.
 */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Connections accepted so far. */
  connections(): number;
  /** How many times a client wrote after it had been given all before, so far: its round trips. */
  roundTrips(): number;
  /** Resets every open connection (RST); new ones are served. */
  cut(): void;
  /** Resets every open connection and refuses new ones. */
  refuse(): Promise<void>;
  /** Delays every chunk of a reply by this long. */
  delay(ms: number): void;
  /** Requests arrive, replies are dropped: the caller cannot know what happened. */
  dropReplies(): void;
  /** Nothing passes in either direction, nothing is lost; connections stay open. */
  freeze(): void;
  /** Ends every fault: frozen traffic continues, and refused callers can connect again on the same port. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** Creates a proxy to a port of 127.0.0.1. */
export async function createProxy({ target }: { target: number }): Promise<Proxy> {
  const pairs = new Set<{ client: Socket; upstream: Socket }>();
  let accepted = 0;
  let roundTrips = 0;
  let delayMs = 0;
  let droppingReplies = false;
  let frozen = false;

  function serve(client: Socket): void {
    accepted += 1;
    const upstream = dial({ host: '127.0.0.1', port: target, allowHalfOpen: true });
    const pair = { client, upstream };
    pairs.add(pair);
    let isClientsTurn = true;
    client.on('data', (chunk) => {
      if (isClientsTurn) roundTrips += 1;
      isClientsTurn = false;
      upstream.write(chunk);
    });
    client.on('end', () => upstream.end());
    upstream.on('data', (chunk) => {
      if (droppingReplies) return;
      later(() => {
        isClientsTurn = true;
        client.write(chunk);
      });
    });
    upstream.on('end', () => later(() => client.end()));
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => reset(pair));
      socket.on('close', () => pairs.delete(pair));
      if (frozen) socket.pause();
    }
  }

  // Timers of the same length fire in the order in which they were set, so chunks keep theirs.
  function later(action: () => void): void {
    if (delayMs > 0) setTimeout(action, delayMs);
    else action();
  }

  function reset({ client, upstream }: { client: Socket; upstream: Socket }): void {
    client.resetAndDestroy();
    upstream.resetAndDestroy();
  }

  function cut(): void {
    for (const pair of pairs) reset(pair);
  }

  const server = createServer({ allowHalfOpen: true }, serve);

  async function listen(port: number): Promise<number> {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The proxy has no port');
    return address.port;
  }

  async function refuse(): Promise<void> {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    cut();
    await closed;
  }

  const port = await listen(0);
  return {
    port,
    connections: () => accepted,
    roundTrips: () => roundTrips,
    cut,
    refuse,
    delay(ms) {
      delayMs = ms;
    },
    dropReplies() {
      droppingReplies = true;
    },
    freeze() {
      frozen = true;
      for (const { client, upstream } of pairs) {
        client.pause();
        upstream.pause();
      }
    },
    async heal() {
      delayMs = 0;
      droppingReplies = false;
      frozen = false;
      for (const { client, upstream } of pairs) {
        client.resume();
        upstream.resume();
      }
      if (!server.listening) await listen(port);
    },
    close: refuse,
    [Symbol.asyncDispose]: refuse,
  };
}
