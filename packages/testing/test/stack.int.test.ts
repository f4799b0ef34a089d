import pg from 'pg';
import { expect, it } from 'vitest';
import { createDatabase, eventually, privateStack, testStack, uniqueName } from '../src/index.ts';

it('gives the shared stack to a test, and an empty database in it', async () => {
  const url = await createDatabase(uniqueName('testing'));
  expect(url.startsWith(testStack().urls.POSTGRES_URL)).toBe(true);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query("SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'");
  await client.end();
  expect(rows).toEqual([{ n: 0 }]);
});

it('gives a private stack that can be killed without harm to the shared one, and removes it', async () => {
  let part: ReturnType<typeof testStack>['parts']['redis'];
  {
    await using stack = await privateStack({ parts: ['redis'] });
    part = stack.parts.redis;
    expect(part.port).not.toBe(testStack().parts.redis.port);
    await part.kill();
    expect(await part.responds()).toBe(false);
    await part.start();
    expect(await part.responds()).toBe(true);
  }
  expect(part.pid()).toBeUndefined();
  await eventually(async () => !(await part.responds()));
  expect(await testStack().parts.redis.responds()).toBe(true);
});

it('makes names that do not repeat', () => {
  const names = new Set(Array.from({ length: 1_000 }, () => uniqueName('orders')));
  expect(names.size).toBe(1_000);
  expect([...names].every((name) => /^orders_[0-9a-f]{10}$/.test(name))).toBe(true);
});
