import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import { defineEntity, p } from '@mikro-orm/postgresql';
import { createLogger } from '@orderflow/runtime';
import { testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPostgres } from '../src/postgres.ts';

const Row = defineEntity({ name: 'Row', properties: { id: p.integer().primary() } });

const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const folder = mkdtempSync(join(tmpdir(), 'postgres-tls-'));
const file = (name: string) => join(folder, name);
/** How many connections have asked for encryption, and how many have not. */
const seen = { encrypted: 0, plain: 0 };
const sockets = new Set<Socket>();

/** A certificate for a name, signed by itself. */
function certify(name: string, subject: string): void {
  const args = [
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=test',
    '-addext',
    `subjectAltName=${subject}`,
  ];
  execFileSync(
    'openssl',
    ['req', '-x509', ...args, '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)],
    { stdio: 'ignore' },
  );
}

/** The Postgres of the tests behind TLS: it responds to a request for encryption like a server with `ssl = on`. */
const server = createServer((client) => {
  sockets.add(client);
  client.on('error', () => {});
  client.once('data', (first) => {
    const { hostname, port } = new URL(testStack().urls.POSTGRES_URL);
    const upstream = connect(Number(port), hostname);
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
    if (first.equals(sslRequest)) {
      seen.encrypted += 1;
      client.write('S');
      const secureContext = createSecureContext({
        key: readFileSync(file('ours.key')),
        cert: readFileSync(file('ours.crt')),
      });
      const secure = new TLSSocket(client, { isServer: true, secureContext });
      secure.on('error', () => upstream.destroy());
      secure.pipe(upstream).pipe(secure);
    } else {
      seen.plain += 1;
      upstream.write(first);
      client.pipe(upstream).pipe(client);
    }
  });
});

beforeAll(async () => {
  certify('ours', 'IP:127.0.0.1');
  certify('other', 'DNS:elsewhere');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts and asks, at `host`, with these parameters. */
async function start(parameters: string, host = '127.0.0.1'): Promise<void> {
  Object.assign(seen, { encrypted: 0, plain: 0 });
  const { port } = server.address() as AddressInfo;
  const { component } = createPostgres({
    url: `postgres://postgres:postgres@${host}:${port}${parameters}`,
    database: uniqueName('tls'),
    applicationName: 'test',
    entities: [Row],
    migrations: [],
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
  try {
    await component.start();
    await component.check?.();
  } finally {
    await component.stop();
  }
}

test.each([
  ['require', () => '?sslmode=require'],
  ['verify-ca', () => `?sslmode=verify-ca&sslrootcert=${file('ours.crt')}`],
  ['verify-full', () => `?sslmode=verify-full&sslrootcert=${file('ours.crt')}`],
])('sslmode=%s: every connection is encrypted', async (_, parameters) => {
  await start(parameters());
  expect(seen.encrypted).toBeGreaterThan(0);
  expect(seen.plain).toBe(0);
});

test('without a mode, and with disable, none is', async () => {
  await start('');
  expect(seen.encrypted).toBe(0);
  await start('?sslmode=disable');
  expect(seen.encrypted).toBe(0);
});

test('a certificate signed by an untrusted CA is refused, and nothing is sent in plain text', async () => {
  await expect(start('?sslmode=verify-full')).rejects.toThrow(/self-signed certificate/);
  await expect(start(`?sslmode=verify-ca&sslrootcert=${file('other.crt')}`)).rejects.toThrow(/certificate/);
  await expect(start(`?sslmode=require&sslrootcert=${file('other.crt')}`)).rejects.toThrow(/certificate/);
  expect(seen.plain).toBe(0);
});

test('verify-full wants the name of the server in its certificate, verify-ca does not', async () => {
  const trusted = `&sslrootcert=${file('ours.crt')}`;
  await expect(start(`?sslmode=verify-full${trusted}`, 'localhost')).rejects.toThrow(/does not match/);
  await start(`?sslmode=verify-ca${trusted}`, 'localhost');
});

test('an invalid mode and an unknown parameter are refused', async () => {
  await expect(start('?sslmode=nonsense')).rejects.toThrow('sslmode=nonsense');
  await expect(start('?SSLMODE=verify-full')).rejects.toThrow('no parameter "SSLMODE"');
});
