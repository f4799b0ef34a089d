import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createTransport } from 'nodemailer';
import { expect, it, onTestFinished } from 'vitest';
import { attachStack, createStack, type PartName, type StackOptions } from '../src/index.ts';

async function newStack(options: Partial<StackOptions> & { parts: PartName[] }) {
  const folder = await mkdtemp(path.join(tmpdir(), 'orderflow-stack-'));
  const stack = await createStack({ dir: path.join(folder, 'stack'), ports: 'free', env: {}, ...options });
  onTestFinished(async () => {
    await stack.destroy();
    await rm(folder, { recursive: true });
  });
  return stack;
}

it('says which port is taken, and what to do', async () => {
  const stack = await newStack({ parts: ['redis'] });
  const other = createServer().listen(stack.parts.redis.port, '127.0.0.1');
  onTestFinished(() => void other.close());
  await expect(stack.up()).rejects.toThrow(
    new RegExp(`redis .*port ${stack.parts.redis.port} .*taken.*REDIS_URL`, 's'),
  );
});

it('names the part, its log and its last words when a part does not come up', async () => {
  const stack = await newStack({ parts: ['redis', 'postgres'] });
  await stack.up();
  await stack.parts.postgres.stop();
  await appendFile(path.join(stack.parts.postgres.dataDir, 'postgresql.conf'), 'no_such_setting = 1\n');
  const failure = await stack.up().catch((error: Error) => error.message);
  expect(failure).toMatch(/^postgres ended while starting/);
  expect(failure).toContain(stack.parts.postgres.logFile);
  expect(failure).toContain('unrecognized configuration parameter "no_such_setting"');
  expect(await stack.parts.redis.responds()).toBe(true);
});

it('can be taken over by another process, also after a restart of a part', async () => {
  const stack = await newStack({ parts: ['redis'] });
  await stack.up();
  const attached = attachStack({ dir: stack.dir, env: {} });
  expect(attached.urls).toEqual(stack.urls);
  await attached.parts.redis.restart();
  expect(stack.parts.redis.pid()).toBe(attached.parts.redis.pid());
  await stack.up();
  expect(stack.parts.redis.pid()).toBe(attached.parts.redis.pid());
});

it('deletes data on reset and starts afresh on the same ports', async () => {
  const stack = await newStack({ parts: ['redis'] });
  await stack.up();
  const { port, dataDir } = stack.parts.redis;
  const redis = new Redis(stack.urls.REDIS_URL);
  await redis.set('key', 'value');
  redis.disconnect();
  await stack.reset();
  expect(existsSync(dataDir)).toBe(false);
  expect(await stack.parts.redis.responds()).toBe(false);

  await stack.up();
  expect(stack.parts.redis.port).toBe(port);
  const again = new Redis(stack.urls.REDIS_URL);
  expect(await again.get('key')).toBeNull();
  again.disconnect();
});

it('uses a server that the environment names, and neither starts nor faults it', async () => {
  const owner = await newStack({ parts: ['redis'] });
  await owner.up();
  const user = await newStack({ parts: ['redis'], env: { REDIS_URL: owner.urls.REDIS_URL } });
  await user.up();
  expect(user.urls.REDIS_URL).toBe(owner.urls.REDIS_URL);
  expect(await user.status()).toContainEqual(
    expect.objectContaining({ name: 'redis', external: true, state: 'up', pid: undefined }),
  );
  await expect(user.parts.redis.kill()).rejects.toThrow('redis is external (REDIS_URL is set)');
  expect(() => user.parts.redis.freeze()).toThrow('redis is external');
  await user.down();
  expect(await owner.parts.redis.responds()).toBe(true);
});

it('says when nothing responds at the configured address', async () => {
  const stack = await newStack({ parts: ['kafka'], env: { KAFKA_BROKERS: '127.0.0.1:1' } });
  await expect(stack.up()).rejects.toThrow(
    /kafka: nothing responds at 127\.0\.0\.1:1, where KAFKA_BROKERS points/,
  );
});

it('runs Postgres in a folder that other users may not enter', async () => {
  // mkdtemp makes such folders: root, who must run Postgres as another user, has to get it in there.
  const stack = await newStack({ parts: ['postgres'] });
  expect(statSync(path.dirname(stack.dir)).mode & 0o077).toBe(0);
  await stack.up();
  expect(await stack.parts.postgres.responds()).toBe(true);
});

it('shows mails on the page of maildev, and keeps them until a reset', async () => {
  const stack = await newStack({ parts: ['maildev'] });
  await stack.up();
  const { page, pid } = stack.parts.maildev;
  expect(await stack.status()).toContainEqual(
    expect.objectContaining({ name: 'maildev', state: 'up', page, pid: pid() }),
  );
  const mail = { from: 'shop@example.com', to: 'ann@example.com', subject: 'Your order', text: 'x' };
  await createTransport(stack.urls.SMTP_URL).sendMail(mail);
  const mails = async () => (await fetch(`${page}/api/email`)).json();
  expect(await mails()).toMatchObject([{ subject: 'Your order' }]);
  expect(await (await fetch(`${page}`, { headers: { accept: 'text/html' } })).text()).toContain('<html');

  await stack.parts.maildev.restart();
  expect(await mails()).toMatchObject([{ subject: 'Your order' }]);
  await stack.reset();
  await stack.up();
  expect(await mails()).toEqual([]);
});

it('gives a stack of an earlier version the ports that it does not have', async () => {
  const { dir, parts } = await newStack({ parts: [] });
  const file = path.join(dir, 'stack.json');
  const { maildev: _, ...old } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify(old));
  const again = await createStack({ dir, ports: 'free', env: {} });
  expect(again.parts.redis.port).toBe(parts.redis.port);
  expect(again.parts.maildev.port).toBeGreaterThan(0);
});
