import { createServer, type RequestListener } from 'node:http';
import type { ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { onTestFinished } from 'vitest';

/** Starts an API on a port of its own, until the test ends; resolves to its URL. */
export const startApi = (routes: (router: ConnectRouter) => void) => listen(connectNodeAdapter({ routes }));

/** The same with a bare handler. */
export async function listen(handle: RequestListener): Promise<string> {
  const server = createServer(handle);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}
