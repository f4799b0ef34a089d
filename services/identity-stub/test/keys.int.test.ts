import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createProxy, eventually, testStack } from '@orderflow/testing';
import { decodeProtectedHeader, errors } from 'jose';
import { expect, test } from 'vitest';
import type { Config } from '../src/config.ts';
import { developmentClients } from '../src/domain/clients.ts';
import { isReady, runStub, testConfig, withKeys } from './running-stub.ts';

const { order } = developmentClients;
const kidOf = (token: string | undefined) => decodeProtectedHeader(token ?? '').kid;
const kidsOf = async (stub: Awaited<ReturnType<typeof runStub>>) =>
  (await stub.keySet()).keys.map(({ kid }) => kid);

test('two instances that start at once on an empty server agree on one key', async () => {
  const config = testConfig();
  const [one, other] = await Promise.all([runStub(config), runStub(config)]);
  expect(await kidsOf(one)).toEqual(await kidsOf(other));
  const { body } = await one.token(order);
  expect((await other.verify(body.access_token)).payload.sub).toBe('order');
  await Promise.all([one.stop(), other.stop()]);
});

test('a restart keeps the keys, and tokens stay valid', async () => {
  const config = testConfig();
  const before = await runStub(config);
  const kids = await kidsOf(before);
  const { body } = await before.token(order);
  await before.stop();
  const after = await runStub(config);
  expect(await kidsOf(after)).toEqual(kids);
  await after.verify(body.access_token);
  await after.stop();
});

test('a new key signs at once at every instance; tokens of the old one are valid until it is taken out', async () => {
  const config = testConfig();
  const [one, other] = await Promise.all([runStub(config), runStub(config)]);
  const old = (await one.token(order)).body.access_token;
  const [oldKid] = await kidsOf(one);

  const added = await withKeys(config, (keys) => keys.add());
  for (const stub of [one, other]) {
    expect(await kidsOf(stub)).toEqual([added, oldKid]);
    const { access_token } = (await stub.token(order)).body;
    expect(kidOf(access_token)).toBe(added);
    for (const verifier of [one, other]) {
      await verifier.verify(access_token);
      await verifier.verify(old);
    }
  }

  expect(await withKeys(config, (keys) => keys.remove(oldKid ?? ''))).toBe(true);
  for (const stub of [one, other]) {
    expect(await kidsOf(stub)).toEqual([added]);
    await expect(stub.verify(old)).rejects.toThrow(errors.JWKSNoMatchingKey);
  }
  await Promise.all([one.stop(), other.stop()]);
});

test('every token that is issued while keys come and go can be verified with the keys of that moment', async () => {
  const config = testConfig();
  const stub = await runStub(config);
  let isOver = false;
  const issued = [0, 0, 0, 0];
  const load = issued.map(async (_, caller) => {
    while (!isOver) {
      const { status, body } = await stub.token(order);
      expect(status).toBe(200);
      await stub.verify(body.access_token);
      issued[caller] = (issued[caller] ?? 0) + 1;
    }
  });
  await withKeys(config, async (keys) => {
    for (let rotation = 0; rotation < 3; rotation++) {
      const before = [...issued];
      const [, previous] = (await keys.list()).map(({ kid }) => kid);
      await keys.add();
      if (previous !== undefined) await keys.remove(previous);
      // No caller still verifies a token of the key that the next rotation takes out.
      await eventually(() => issued.every((count, caller) => count >= (before[caller] ?? 0) + 2));
    }
  });
  isOver = true;
  await Promise.all(load);
  expect(await kidsOf(stub)).toHaveLength(2);
  await stub.stop();
});

test('the last key stays, also when two removals of the last two run at once', async () => {
  const config = testConfig();
  await withKeys(config, async (keys) => {
    const [first] = (await keys.list()).map(({ kid }) => kid);
    expect(await keys.remove(first ?? '')).toBe(false);
    const second = await keys.add();
    expect(await keys.remove('no-such-key')).toBe(false);
    const removals = [first ?? '', second].map((kid) => keys.remove(kid));
    expect((await Promise.all(removals)).toSorted()).toEqual([false, true]);
    expect(await keys.list()).toHaveLength(1);
  });
});

/** Runs a command of the service as a process. */
async function command(config: Config, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts'), ...args], {
    env: { ...process.env, POSTGRES_URL: config.postgresUrl, DATABASE_PREFIX: config.databasePrefix },
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { stdout: stdout.trim().split('\n'), stderr, code };
}

test('the commands add, list and remove keys of a service that runs, and say what was wrong', {
  timeout: 120_000,
}, async () => {
  const config = testConfig();
  const stub = await runStub(config);
  const [first] = await kidsOf(stub);
  const added = await command(config, 'keys', 'add');
  expect(added.code).toBe(0);
  expect(await kidsOf(stub)).toEqual([...added.stdout, first]);
  expect((await command(config, 'keys', 'list')).stdout).toEqual([...added.stdout, first]);
  expect(await command(config, 'keys', 'remove', first ?? '')).toMatchObject({ code: 0, stderr: '' });
  expect(await kidsOf(stub)).toEqual(added.stdout);
  expect(await command(config, 'keys', 'remove', added.stdout[0] ?? '')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the last one'),
  });
  expect(await command(config, 'keys')).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('keys add'),
  });
  await stub.stop();
});

test('without Postgres no tokens are issued and the known keys stay, until Postgres is back', async () => {
  const url = new URL(testStack().urls.POSTGRES_URL);
  await using proxy = await createProxy({ target: Number(url.port) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const stub = await runStub(testConfig({ POSTGRES_URL: url.href.replace(/\/$/, '') }));
  const { body } = await stub.token(order);
  expect(await isReady(stub)).toBe(true);

  await proxy.refuse();
  const refused = await stub.token(order);
  expect([refused.status, refused.body.error]).toEqual([503, 'temporarily_unavailable']);
  expect(refused.headers.get('retry-after')).toBe('1');
  await stub.verify(body.access_token);
  expect((await fetch(`${stub.baseUrl}/.well-known/openid-configuration`)).status).toBe(200);
  await eventually(async () => !(await isReady(stub)));
  expect((await fetch(`${stub.baseUrl}/health/live`)).status).toBe(200);

  await proxy.heal();
  await eventually(() => isReady(stub));
  const again = await stub.token(order);
  expect(again.status).toBe(200);
  await stub.verify(again.body.access_token);
  await stub.stop();
});
