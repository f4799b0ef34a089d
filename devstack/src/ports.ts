import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';

/** Whether a server can listen on this port of 127.0.0.1. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** Below the range of the system's outgoing connections, and clear of the well-known ports of the dev stack. */
const BLOCKS = { first: 10_000, size: 100, count: 160 };
/** The free ports of this process's block. */
let left: number[] = [];

/**
 * Free ports of 127.0.0.1 that no other process gets for as long as this one lives, also while nothing listens on them:
 * a server there may just be restarting.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = left.shift();
    if (port === undefined) left = await claimBlock();
    else if (await isPortFree(port)) ports.push(port);
  }
  return ports;
}

/**
 * The ports of a block that this process claims by listening on its first port: the system releases it automatically.
 */
async function claimBlock(): Promise<number[]> {
  for (;;) {
    const first = BLOCKS.first + BLOCKS.size * Math.floor(Math.random() * BLOCKS.count);
    const claim = createServer().listen(first, '127.0.0.1').unref();
    try {
      await once(claim, 'listening');
      return Array.from({ length: BLOCKS.size - 1 }, (_, index) => first + 1 + index);
    } catch {
      // Claimed by another process.
    }
  }
}

/**
 * Connects, sends `request` and resolves to the first bytes of the response, or to undefined when there is none within
 * a second. Without a request, an established connection is the response.
 */
export function ask(host: string, port: number, request?: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 1_000 });
    const finish = (reply?: Buffer) => {
      socket.destroy();
      resolve(reply);
    };
    socket.once('connect', () => (request ? socket.write(request) : finish(Buffer.alloc(0))));
    socket.once('data', finish);
    socket.once('timeout', () => finish());
    socket.once('error', () => finish());
    socket.once('close', () => finish());
  });
}
