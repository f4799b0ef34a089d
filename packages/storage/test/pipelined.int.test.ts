import { Migration } from '@mikro-orm/migrations';
import { defineEntity, p } from '@mikro-orm/postgresql';
import { createLogger } from '@orderflow/runtime';
import { testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createPostgres, nativeQuery, pipelined } from '../src/index.ts';

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

const { orm, component } = createPostgres({
  url: testStack().urls.POSTGRES_URL,
  database: uniqueName('storage'),
  applicationName: 'storage test',
  entities: [Note],
  migrations: [{ name: 'create-notes', class: CreateNotes }],
  logger: createLogger({ service: 'test', level: 'silent' }),
});
beforeAll(() => component.start());
beforeEach(() => orm.em.fork().execute('delete from notes'));
afterAll(() => component.stop());

const ids = async () =>
  (await nativeQuery<{ id: number }>(orm.em.fork(), 'select id from notes order by time')).map(
    ({ id }) => id,
  );

test('pipelined statements run in their order', async () => {
  await orm.em.fork().transactional((em) => {
    const insert = (id: number) => () => nativeQuery(em, 'insert into notes (id) values ($1)', [id]);
    return pipelined(insert(3), insert(1), insert(2));
  });
  expect(await ids()).toEqual([3, 1, 2]);
});

test('when one fails its error is thrown, and nothing stays of those before and after it', async () => {
  const failing = orm.em.fork().transactional((em) => {
    const insert = (id: number) => () => nativeQuery(em, 'insert into notes (id) values ($1)', [id]);
    return pipelined(insert(1), insert(1), insert(2));
  });
  await expect(failing).rejects.toMatchObject({ code: '23505' });
  expect(await ids()).toEqual([]);
});

test('one that fails before it is sent waits for the others, which must not run after the rollback', async () => {
  const ended: string[] = [];
  const failing = orm.em.fork().transactional((em) =>
    pipelined(
      async () => {
        await nativeQuery(em, 'select pg_sleep($1::float8)', [0.2]);
        await nativeQuery(em, 'insert into notes (id) values ($1)', [1]);
        ended.push('slow');
      },
      () => {
        throw new Error('cannot be encoded');
      },
    ).finally(() => ended.push('thrown')),
  );
  await expect(failing).rejects.toThrow('cannot be encoded');
  expect(ended).toEqual(['slow', 'thrown']);
  expect(await ids()).toEqual([]);
});
