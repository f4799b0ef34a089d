import { createProxy, testStack } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { isPostgresOutage, ownConnection } from '../src/index.ts';

test('a connection that falls silent is an outage, and the next statement opens another one', async () => {
  const { parts, urls } = testStack();
  await using proxy = await createProxy({ target: parts.postgres.port });
  const url = new URL(urls.POSTGRES_URL);
  url.port = String(proxy.port);
  const connection = ownConnection({ connectionString: `${url.href}/postgres`, query_timeout: 300 });
  const ask = () => connection.query<{ pid: number }>('select pg_backend_pid() as pid');
  const [first] = await ask();

  proxy.freeze();
  const error = await ask().then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(isPostgresOutage(error)).toBe(true);
  await proxy.heal();
  expect(await ask()).not.toEqual([first]);
  await connection.close();
});
