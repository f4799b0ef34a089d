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

/**
 * Free ports of 127.0.0.1. They lie below the range from which the system serves outgoing connections, so that a
 * part finds its port free again when it is restarted, and clear of the well-known ones of the development stack.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 16_000);
    if (!ports.has(port) && (await isPortFree(port))) ports.add(port);
  }
  return [...ports];
}

/**
 * Connects, sends `request` and resolves to the first bytes that come back, or to undefined when there is no answer
 * within a second. Without a request, an established connection is the answer.
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
