import { MikroORM } from '@mikro-orm/postgresql';
import { createDatabase, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bigintArray, byteaArray, type Database, databaseOf, intArray, textArray } from '../src/index.ts';

let orm: MikroORM;
let database: Database;
beforeAll(async () => {
  orm = new MikroORM({
    clientUrl: await createDatabase(uniqueName('arrays')),
    discovery: { warnWhenNoEntities: false },
    driverOptions: { pipeline: true },
  });
  database = databaseOf(orm);
});
afterAll(() => orm.close());

/** What Postgres understands by the array, value by value. */
async function received(type: 'text' | 'bytea' | 'int' | 'bigint', array: Buffer): Promise<unknown[]> {
  const rows = await database.query<{ value: unknown }>(
    `select value from unnest($1::${type}[]) with ordinality as given (value, position) order by position`,
    [array],
  );
  return rows.map(({ value }) => value);
}

describe('a binary array', () => {
  test('of texts arrives as it was sent', async () => {
    const values = ['a', '', null, 'NULL', '{"a":"b\\\\c"}', 'zwölf € 🛒', 'x'.repeat(100_000)];
    expect(await received('text', textArray(values))).toEqual(values);
  });

  test('of bytes arrives as it was sent', async () => {
    const values = [Buffer.from([0, 255, 92, 34]), Buffer.alloc(0), null, Buffer.alloc(100_000, 7)];
    expect(await received('bytea', byteaArray(values))).toEqual(values);
    const viewOfMore = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    expect(await received('bytea', byteaArray([viewOfMore]))).toEqual([Buffer.from([2, 3])]);
  });

  test('of numbers arrives as it was sent', async () => {
    const ints = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)];
    expect(await received('int', intArray(ints))).toEqual(ints);
    const bigints = [0n, null, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)];
    const asText = bigints.map((value) => value?.toString() ?? null);
    expect((await received('bigint', bigintArray(bigints))).map((value) => value && String(value))).toEqual(
      asText,
    );
  });

  test('may be empty', async () => {
    expect(await received('text', textArray([]))).toEqual([]);
    expect(await received('bytea', byteaArray([]))).toEqual([]);
  });

  test('of one type is refused as an array of another', async () => {
    await expect(received('bytea', textArray(['a']))).rejects.toThrow(/element type/);
  });
});
