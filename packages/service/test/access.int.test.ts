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

async function getCustomer(empty: TestProcess): Promise<number> {
  const { host, port } = JSON.parse(await empty.waitForLine(/"RPC server listens"/));
  return (await fetch(`http://${host}:${port}/customers/c-1`)).status;
}

/** An issuer that has no keys, so that no token can be verified, and counts who asks for them. */
async function startIssuer() {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(req.url ?? '');
    res.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('with an issuer every call needs a token, which its keys have to verify', async () => {
  const { url, asked } = await startIssuer();
  const empty = start({ AUTH_ISSUER: url });
  expect(await getCustomer(empty)).toBe(401);
  const { port } = JSON.parse(await empty.waitForLine(/"RPC server listens"/));
  const token = `${Buffer.from('{"alg":"ES256","kid":"k"}').toString('base64url')}.e30.e30`;
  const response = await fetch(`http://127.0.0.1:${port}/customers/c-1`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(response.status).toBe(503);
  expect(asked).toContain('/jwks');
});

test('on a loopback address everybody may call without one', async () => {
  expect(await getCustomer(start({ HOST: '127.0.0.2' }))).toBe(200);
});

test.for(['0.0.0.0', '::', '10.0.0.1', 'example.internal'])(
  'on %s a process does not start without one',
  async (HOST) => {
    const empty = start({ HOST });
    expect(await empty.exited).toEqual({ code: 78, signal: null });
    expect(empty.output()).toContain(
      `AUTH_ISSUER: not set, expected a value: HOST is ${HOST}, and without it everybody`,
    );
  },
);

test('a client needs its secret, and says whose', async () => {
  const empty = start({ AUTH_ISSUER: 'http://127.0.0.1:1', AUTH_CLIENT_ID: 'order' });
  expect(await empty.exited).toEqual({ code: 78, signal: null });
  expect(empty.output()).toContain('AUTH_CLIENT_SECRET: not set, expected a value: AUTH_CLIENT_ID is set');
});
