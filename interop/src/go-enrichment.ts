import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { buildGo } from './go.ts';

/** A running customer and product API, written in Go. */
export type GoEnrichment = {
  /** `http://127.0.0.1:PORT`: Connect, gRPC and gRPC-Web over HTTP/1.1 and cleartext HTTP/2. */
  url: string;
  /** Stops the process and waits until it has exited. */
  stop(): Promise<void>;
};

/**
 * Starts the Go enrichment API on a free port, building it first if needed.
 * Customers c-1 to c-200 and products p-1 to p-100; every 50th is inactive or retired.
 */
export async function startGoEnrichment(): Promise<GoEnrichment> {
  const { enrichmentServer } = await buildGo();
  const server = spawn(enrichmentServer, {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(server, 'exit');
  const firstLine = once(createInterface({ input: server.stdout }), 'line', {
    signal: AbortSignal.timeout(10_000),
  });
  const [line] = await Promise.race([firstLine, exited.then(() => [])]).catch(() => []);
  const address = /^listening on (\S+)$/.exec(String(line))?.[1];
  if (address === undefined) {
    server.kill('SIGKILL');
    throw new Error(`${enrichmentServer} did not print its address; its output is above`);
  }
  return {
    url: `http://${address}`,
    stop: async () => {
      server.kill('SIGTERM');
      await exited;
    },
  };
}
