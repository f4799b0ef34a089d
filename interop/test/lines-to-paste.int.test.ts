import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createTestSystem, type TestSystem } from '@orderflow/e2e/test-system';
import { clientsOf } from '@orderflow/local/clients';
import { linesToPaste, tokenCommand } from '@orderflow/local/dev/lines';
import { createSystem } from '@orderflow/local/system';
import { testStack } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../src/builds.ts';
import { buildGo, reasonToSkipGo } from '../src/go.ts';

const skipped = reasonToSkipGo();
if (skipped) console.warn(`Lines with grpcurl are skipped: ${skipped}`);

let system: TestSystem;
let path: string;

beforeAll(async () => {
  const grpcurl = skipped === undefined ? [dirname((await buildGo()).grpcurl)] : [];
  path = [...grpcurl, join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  system = await createTestSystem('lines-to-paste', {}, { auth: true });
  await system.start(['enrichment-stub', 'inventory', 'notification', 'order-api', 'order-worker']);
  // A line with grpcurl creates it, others read it.
  await clientsOf(system).orders.createOrder({
    ...{ orderId: 'o-2', customerId: 'c-1' },
    lines: [{ reference: { case: 'sku', value: 'LAPTOP001' }, quantity: 1n }],
  });
}, 900_000);

afterAll(() => system?.[Symbol.asyncDispose]());

/** Runs a line in a shell, in the folder of the repository; returns what it says, with its errors. */
async function paste(line: string): Promise<string> {
  const env = { ...process.env, PATH: path, AUTH_ISSUER: system.env['AUTH_ISSUER'] };
  const ended: { stdout: string; stderr: string } = await promisify(execFile)('sh', ['-c', line], {
    ...{ cwd: root, env },
  }).catch((error) => error);
  return ended.stdout + ended.stderr;
}

/** The lines of a text that call a service. */
function callsIn(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => /^(curl|buf curl|grpcurl) /.test(line));
}

const tokenOption = / -H "authorization: Bearer \$\([^)]+\)"/;
const hasTool = (line: string) => skipped === undefined || !line.startsWith('grpcurl');
const isRefused = /unauthenticated/i;
const isError = /unauthenticated|permission_denied|"code":|"title":|error|not found/i;

describe('README.md, calls with tokens', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const section = /^### Calls with tokens$(.*?)^### /ms.exec(readme)?.[1] ?? '';
  const lines = callsIn(section);
  const api = () => new URL(system.services['order-api'].url).host;

  test('has one line each for grpcurl, curl and buf, with the token in it', () => {
    expect(lines.map((line) => /^(buf )?\w+/.exec(line)?.[0])).toEqual(['grpcurl', 'curl', 'buf curl']);
    for (const line of lines) expect(line).toMatch(tokenOption);
  });

  for (const line of lines) {
    const tool = line.split(' ')[0] ?? '';
    test.skipIf(!hasTool(line))(
      `the line with ${tool} works as it is there, and not without its token`,
      async () => {
        const here = line.replace('localhost:8001', api());
        expect(here).not.toBe(line);
        const said = await paste(here);
        expect(said).not.toMatch(isError);
        expect(said).toContain('c-1');
        expect(await paste(here.replace(tokenOption, ''))).toMatch(isRefused);
      },
    );
  }

  test('/metrics counts calls without a token, as docs/operations.md says', async () => {
    const text = await (await fetch(`${system.services['order-api'].url}/metrics`)).text();
    const line = /^orderflow_rpc_server_duration_count\{.*code="unauthenticated".*$/m;
    expect(text).toMatch(line);
  });
});

describe('pnpm dev --auth', () => {
  // Some thirty programs, one after the other.
  test('prints lines that work, each with the token that it needs', { timeout: 120_000 }, async () => {
    const lines = callsIn(linesToPaste(system, system.env)).filter(hasTool);
    expect(lines.filter((line) => tokenOption.test(line)).length).toBeGreaterThan(5);
    for (const line of lines) {
      // The same, but for the time that pnpm takes.
      const said = await paste(line.replace(tokenCommand, 'node local/dev/main.ts token'));
      expect(said, line).not.toMatch(isError);
      expect(said, line).not.toBe('');
      if (tokenOption.test(line)) expect(await paste(line.replace(tokenOption, '')), line).toMatch(isRefused);
    }
  });

  test('prints how pnpm orders gets tokens', () => {
    expect(linesToPaste(system, system.env)).toContain(
      `export AUTH_ISSUER=${system.env['AUTH_ISSUER']} AUTH_CLIENT_ID=orders-cli AUTH_CLIENT_SECRET=`,
    );
  });
});

test('pnpm dev says in one line that everything is open, and prints lines without tokens', async () => {
  const open = await createSystem({ urls: testStack().urls, ports: 'free', logDir: root });
  const text = linesToPaste(open, system.env);
  expect(text.split('\n')[0]).toMatch(/^Access is off: .*`pnpm dev --auth` requires tokens/);
  expect(text).not.toContain('authorization');
  expect(callsIn(text)).toHaveLength(callsIn(linesToPaste(system, system.env)).length);
});

test('pnpm dev against an API of your own prints its address, and nothing that only the stub can do', async () => {
  const own = { CUSTOMER_API_URL: 'http://127.0.0.1:9005', PRODUCT_API_URL: 'http://127.0.0.1:9006' };
  const { urls } = testStack();
  const text = linesToPaste(await createSystem({ urls, ports: 'free', logDir: root, env: own }), urls);
  expect(text).toMatch(/127\.0\.0\.1:9005 orderflow\.enrichment\.v1\.CustomerService/);
  expect(text).toMatch(/127\.0\.0\.1:9006\/orderflow\.enrichment\.v1\.ProductService/);
  expect(text).not.toContain('FaultService');
});
