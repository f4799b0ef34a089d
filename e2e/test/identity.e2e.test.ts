import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '@orderflow/devstack';
import { type ClientId, clientEnv } from '@orderflow/local/system';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../src/test-system.ts';

let system: TestSystem;
let issuer: string;

beforeAll(async () => {
  system = await createTestSystem('identity', {}, { auth: true });
  await system.start([]);
  issuer = system.env['AUTH_ISSUER'] ?? '';
});

afterAll(() => system?.[Symbol.asyncDispose]());

const devToken = (...args: readonly string[]) => dev('token', ...args);

/** Runs `pnpm dev` with these arguments, of which it must not start anything. */
async function dev(...args: readonly string[]) {
  const main = join(repositoryRoot, 'local/dev/main.ts');
  const env = { ...process.env, AUTH_ISSUER: issuer };
  return promisify(execFile)(process.execPath, [main, ...args], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

test.each<ClientId>(['order', 'payment', 'notification', 'enrichment', 'orders-cli'])(
  'a process gets its token as %s with the variables that the system gives it',
  async (client) => {
    const { AUTH_CLIENT_ID, AUTH_CLIENT_SECRET } = clientEnv(client);
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: AUTH_CLIENT_ID,
        client_secret: AUTH_CLIENT_SECRET,
      }),
    });
    expect(response.status).toBe(200);
    const { access_token } = (await response.json()) as { access_token: string };
    expect(claimsOf(access_token)).toMatchObject({ iss: issuer, sub: client });
  },
);

test('pnpm dev token prints a token, and nothing else', async () => {
  const { stdout, stderr } = await devToken('customer', 'c-7');
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  expect(claimsOf(stdout)).toMatchObject({ iss: issuer, aud: 'orderflow', sub: 'c-7', roles: ['customer'] });
  expect(claimsOf((await devToken('operator')).stdout)).toMatchObject({
    sub: 'operator',
    roles: ['operator'],
  });
  expect(await devToken('king')).toMatchObject({ code: 64, stderr: expect.stringContaining('role must be') });
  expect(await devToken('customer', 'c-1', 'more')).toMatchObject({ code: 64 });
});

test.each([[['--atuh']], [['--auth', 'now']], [['tokens']]])('pnpm dev %j starts nothing', async (args) => {
  expect(await dev(...args)).toMatchObject({
    code: 64,
    stdout: '',
    stderr: expect.stringMatching(new RegExp(`^unknown arguments: ${args.join(' ')}\n\npnpm dev {2}`)),
  });
});

test('its log is JSON lines without secrets', async () => {
  const log = await readFile(system.identity?.logFile ?? '', 'utf8');
  const lines = log.trim().split('\n');
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
  expect(log).not.toContain('order-secret');
});

test('it stops cleanly, and pnpm dev token says then what to do', async () => {
  const ended = system.identity?.ended();
  await system.stop();
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(await devToken('operator', 'ann')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('no identity stub responds'),
  });
});
