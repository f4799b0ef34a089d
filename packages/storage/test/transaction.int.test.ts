import { Migration } from '@mikro-orm/migrations';
import { defineEntity, p } from '@mikro-orm/postgresql';
import { createLogger } from '@orderflow/runtime';
import { createProxy, testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPostgres, type Transaction } from '../src/index.ts';

const Note = defineEntity({
  name: 'Note',
  tableName: 'notes',
  properties: { id: p.integer().primary() },
});

class CreateNotes extends Migration {
  override up(): void {
    this.addSql('create table notes (id int primary key, time timestamptz default clock_timestamp())');
  }
}

const name = uniqueName('storage');
const { POSTGRES_URL } = testStack().urls;

function postgres(url: string) {
  return createPostgres({
    url,
    database: name,
    applicationName: 'storage test',
    entities: [Note],
    migrations: [{ name: 'create-notes', class: CreateNotes }],
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
}

const { database, component } = postgres(POSTGRES_URL);
beforeAll(() => component.start());
beforeEach(() => database.query('delete from notes'));
afterAll(() => component.stop());

const ids = async () =>
  (await database.query<{ id: number }>('select id from notes order by time')).map(({ id }) => id);
const insert = (transaction: Transaction, id: unknown) =>
  transaction.write('insert into notes (id) values ($1)', [id]);
const failing = {
  toPostgres: () => {
    throw new Error('cannot be encoded');
  },
};

describe('statements that are written', () => {
  test('run in their order, with the next query', async () => {
    await database.transaction(async (transaction) => {
      insert(transaction, 3);
      insert(transaction, 1);
      const query = transaction.query('select id from notes order by time');
      insert(transaction, 2);
      expect(await query).toEqual([{ id: 3 }, { id: 1 }]);
      expect(await ids()).toEqual([]);
    });
    expect(await ids()).toEqual([3, 1, 2]);
  });

  test.for([1, 2, 3])('leave nothing behind when number %i of three fails on the server', async (number) => {
    const run = database.transaction(async (transaction) => {
      for (const id of [1, 2, 3]) insert(transaction, id === number ? 'no number' : id);
    });
    await expect(run).rejects.toMatchObject({ code: '22P02' });
    expect(await ids()).toEqual([]);
  });

  test.for([1, 2, 3])('leave nothing behind when number %i of three cannot be sent', async (number) => {
    const run = database.transaction(async (transaction) => {
      for (const id of [1, 2, 3]) insert(transaction, id === number ? failing : id);
    });
    await expect(run).rejects.toThrow('cannot be encoded');
    expect(await ids()).toEqual([]);
  });

  test('fail the query that they are sent with', async () => {
    const run = database.transaction(async (transaction) => {
      insert(transaction, 1);
      insert(transaction, 1);
      await transaction.query('select id from notes');
    });
    await expect(run).rejects.toMatchObject({ code: '23505' });
    expect(await ids()).toEqual([]);
  });
});

describe('a transaction', () => {
  test('is rolled back when the work fails, and its connection is as good as new', async () => {
    const run = database.transaction(async (transaction) => {
      insert(transaction, 1);
      await transaction.query('select 1');
      throw new Error('no');
    });
    await expect(run).rejects.toThrow('no');
    expect(await ids()).toEqual([]);
    expect(await database.query('select pg_current_xact_id_if_assigned() is null as free')).toEqual([
      { free: true },
    ]);
  });

  test.for([
    ['on the server', 'select $1::int', 'no number', '22P02'],
    ['before it is sent', 'select $1::int', failing, undefined],
  ] as const)(
    'commits nothing after a statement that failed %s, whatever the work makes of it',
    async ([, text, value, code]) => {
      const run = database.transaction(async (transaction) => {
        insert(transaction, 1);
        await transaction.query(text, [value]).catch(() => {});
        insert(transaction, 2);
      });
      await expect(run).rejects.toMatchObject(
        code === undefined ? { message: 'cannot be encoded' } : { code },
      );
      expect(await ids()).toEqual([]);
    },
  );

  test("leaves no broken statement on the connection, also when the first failure was the server's", async () => {
    const run = database.transaction(async (transaction) => {
      insert(transaction, 7);
      await transaction.query('select $1::int', ['no number']).catch(() => {});
      insert(transaction, failing);
    });
    await expect(run).rejects.toMatchObject({ code: '22P02' });
    await database.transaction(async (transaction) => insert(transaction, 1));
    expect(await ids()).toEqual([1]);
  });

  test('takes no statement once it has ended', async () => {
    let late: Transaction | undefined;
    await database.transaction(async (transaction) => {
      late = transaction;
    });
    await expect(late?.query('select 1')).rejects.toThrow('the transaction has ended');
  });

  test('tells listeners of its commit, and of nothing else', async () => {
    const committed: Transaction[] = [];
    database.afterCommit((transaction) => void committed.push(transaction));
    const one = await database.transaction(async (transaction) => transaction);
    await database
      .transaction(async () => {
        throw new Error('no');
      })
      .catch(() => {});
    await database.transaction(async (transaction) => insert(transaction, 'no number')).catch(() => {});
    expect(committed).toEqual([one]);
  });
});

describe('round trips', () => {
  const deleteAll = (transaction: Transaction) => {
    for (const id of [1, 2, 3]) transaction.write('delete from notes where id = $1', [id]);
  };
  const lock = (transaction: Transaction) => transaction.query('select from notes where id = 7 for update');

  test.for<[string, number, (transaction: Transaction) => Promise<unknown>]>([
    [
      'locks twice, then writes',
      2,
      async (transaction) => {
        await Promise.all([lock(transaction), lock(transaction)]);
        deleteAll(transaction);
      },
    ],
    ['only writes', 2, async (transaction) => deleteAll(transaction)],
    [
      'writes, reads and writes',
      3,
      async (transaction) => {
        deleteAll(transaction);
        await lock(transaction);
        deleteAll(transaction);
      },
    ],
  ])('of a transaction that %s: %i', async ([, expected, work]) => {
    await using proxy = await createProxy({ target: testStack().parts.postgres.port });
    const url = new URL(POSTGRES_URL);
    url.port = String(proxy.port);
    const one = postgres(url.href);
    await one.component.start();
    // Prepares the statements.
    await one.database.transaction(work);
    // What is sent while a response is on its way has not waited for it.
    proxy.delay(50);
    const before = proxy.roundTrips();
    await one.database.transaction(work);
    expect(proxy.roundTrips() - before).toBe(expected);
    await one.component.stop();
  });
});
