import { Migration } from '@mikro-orm/migrations';
import { defineEntity, p } from '@mikro-orm/postgresql';
import { createLogger } from '@orderflow/runtime';
import { refusedChanges, testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  appendOnlyMigration,
  appendOnlyTrigger,
  createPostgres,
  isPostgresOutage,
  sqlState,
} from '../src/index.ts';

const Fact = defineEntity({
  name: 'Fact',
  tableName: 'facts',
  properties: { id: p.integer().primary().autoincrement(false), text: p.text() },
  triggers: [appendOnlyTrigger('facts')],
});

class CreateFacts extends Migration {
  override up(): void {
    this.addSql('create table facts (id int primary key, text text not null)');
  }
}
class AppendOnly extends Migration {
  override up(): void {
    for (const statement of appendOnlyMigration('facts')) this.addSql(statement);
  }
}

const { database, orm, component } = createPostgres({
  url: testStack().urls.POSTGRES_URL,
  database: uniqueName('storage'),
  applicationName: 'storage test',
  entities: [Fact],
  migrations: [
    { name: 'create-facts', class: CreateFacts },
    { name: 'append-only', class: AppendOnly },
    // A service whose table was append-only in another way.
    { name: 'append-only-again', class: AppendOnly },
  ],
  logger: createLogger({ service: 'test', level: 'silent' }),
});
beforeAll(() => component.start());
afterAll(() => component.stop());

const facts = () => database.query('select id, text from facts order by id');

test('rows of an append-only table are added, one or several at once; none is changed or deleted', async () => {
  await database.query("insert into facts values (1, 'one')");
  await database.query("insert into facts values (2, 'two'), (3, 'three')");
  const before = await facts();
  expect(before).toHaveLength(3);
  expect(await refusedChanges(database, 'facts', 'text')).toEqual([
    'table facts is append-only: its rows say what has happened; correct a wrong row by a new one',
  ]);
  expect(await facts()).toEqual(before);
});

test('a row that exists is left unchanged by an insert, whatever it says about conflicts', async () => {
  await database.query("insert into facts values (4, 'four')");
  await database.query("insert into facts values (4, 'other') on conflict do nothing");
  const upsert = "insert into facts values (4, 'other') on conflict (id) do update set text = excluded.text";
  await expect(database.query(upsert)).rejects.toThrow('append-only');
  expect(await database.query('select text from facts where id = 4')).toEqual([{ text: 'four' }]);
});

test('a refused change rolls its transaction back, and is no outage', async () => {
  const error = await database
    .transaction(async (transaction) => {
      transaction.write("insert into facts values (5, 'five')", []);
      await transaction.query("update facts set text = 'other'");
    })
    .catch((refusal: unknown) => refusal);
  expect(sqlState(error)).toBe('23001');
  expect(isPostgresOutage(error)).toBe(false);
  expect(await database.query('select id from facts where id = 5')).toEqual([]);
});

test('the migration makes what the entity describes', async () => {
  expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
});
