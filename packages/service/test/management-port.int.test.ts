import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startProcess, type TestProcess } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';

function start(env: NodeJS.ProcessEnv): TestProcess {
  const program = new URL('processes/empty.ts', import.meta.url).pathname;
  const process_ = startProcess({ command: process.execPath, args: [program], env });
  onTestFinished(() => process_.kill());
  return process_;
}

/** The port in the line that says that a server listens. */
async function portOf(empty: TestProcess, server: string): Promise<number> {
  return JSON.parse(await empty.waitForLine(new RegExp(`"${server} server listens"`))).port;
}

const statusOf = async (port: number, path: string) =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).status;

test('metrics and details are on the management port only, until SIGTERM ends both ports', async () => {
  const empty = start({ MANAGEMENT_PORT: '0' });
  const [calls, management] = [await portOf(empty, 'RPC'), await portOf(empty, 'management')];
  for (const path of ['/metrics', '/health/detailed']) {
    expect([path, await statusOf(calls, path), await statusOf(management, path)]).toEqual([path, 404, 200]);
  }
  expect(await empty.stop()).toEqual({ code: 0, signal: null });
});

test('without the setting one port serves all of it', async () => {
  const empty = start({ MANAGEMENT_PORT: '' });
  const calls = await portOf(empty, 'RPC');
  for (const path of ['/metrics', '/health/detailed']) expect(await statusOf(calls, path)).toBe(200);
  expect(empty.output()).not.toContain('management server');
});

test('a port in use ends the process, which names it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const empty = start({ MANAGEMENT_PORT: String(port) });
  expect(await empty.exited).toEqual({ code: 1, signal: null });
  expect(empty.output()).toContain(
    `management-server did not start: listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
  );
});

test('what is no port is an invalid setting', async () => {
  const empty = start({ MANAGEMENT_PORT: 'metrics' });
  expect(await empty.exited).toEqual({ code: 78, signal: null });
  expect(empty.output()).toContain('MANAGEMENT_PORT: got "metrics", expected a port from 0 to 65535');
});
