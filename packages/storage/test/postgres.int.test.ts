import { Migration } from '@mikro-orm/migrations';
import { defineEntity, p } from '@mikro-orm/postgresql';
import { createLogger } from '@orderflow/runtime';
import { createProxy, eventually, openTransaction, testStack, uniqueName } from '@orderflow/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { createPostgres, isPostgresOutage, type Postgres, type PostgresOptions } from '../src/index.ts';

const logger = createLogger({ service: 'test', level: 'silent' });

const Note = defineEntity({
  name: 'Note',
  tableName: 'notes',
  properties: { id: p.integer().primary(), text: p.text() },
});

class CreateNotes extends Migration {
  override up(): void {
    this.addSql('create table notes (id int primary key, text text not null)');
  }
}

const started: Postgres[] = [];
afterEach(async () => {
  for (const { component } of started.splice(0)) await component.stop();
});

function postgres(change: Partial<PostgresOptions> = {}): Postgres {
  const one = createPostgres({
    url: testStack().urls.POSTGRES_URL,
    database: uniqueName('storage'),
    applicationName: 'storage test',
    entities: [Note],
    migrations: [{ name: 'create-notes', class: CreateNotes }],
    logger,
    ...change,
  });
  started.push(one);
  return one;
}

function urlOf({ port }: { port: number }): string {
  const url = new URL(testStack().urls.POSTGRES_URL);
  url.host = `127.0.0.1:${port}`;
  return url.href.replace(/\/$/, '');
}

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => {
      throw new Error('expected to fail');
    },
    (error: unknown) => error,
  );

const rows = ({ database }: Postgres, sql: string) => database.query<Record<string, unknown>>(sql);
const insert = (one: Postgres, id: number) => one.database.query(`insert into notes values (${id}, 'x')`);

describe('a start', () => {
  test('creates the database where it is missing, migrates it, and does nothing the next time', async () => {
    const database = uniqueName('storage');
    const first = postgres({ database });
    await first.component.start();
    await insert(first, 1);
    const second = postgres({ database });
    await second.component.start();
    expect(await rows(second, 'select id from notes')).toEqual([{ id: 1 }]);
    expect(
      await rows(second, 'select application_name from pg_stat_activity where pid = pg_backend_pid()'),
    ).toEqual([{ application_name: 'storage test' }]);
  });

  test('that finds the server away says so, and can be tried again', async () => {
    await using proxy = await createProxy({ target: testStack().parts.postgres.port });
    const { component } = postgres({ url: urlOf(proxy) });
    await proxy.refuse();
    expect(component.isOutage?.(await failure(component.start()))).toBe(true);
    await proxy.heal();
    await component.start();
    await component.check?.();
  });

  test('may take its time; later on a transaction that is left idle is ended, so that its locks are freed', async () => {
    const limits = `select name, setting from pg_settings
      where name in ('idle_in_transaction_session_timeout', 'lock_timeout', 'statement_timeout') order by name`;
    let whileStarting: unknown;
    let whileMigrating: unknown;
    class RequestLimits extends Migration {
      override async up(): Promise<void> {
        whileMigrating = await this.execute(limits);
      }
    }
    const one = postgres({
      migrations: [{ name: 'ask', class: RequestLimits }],
      async seed(sql) {
        whileStarting = await sql.query(limits);
      },
    });
    await one.component.start();
    expect(whileStarting).toMatchObject([{ setting: '0' }, { setting: '0' }, { setting: '0' }]);
    expect(whileMigrating).toMatchObject([{ setting: '10000' }, { setting: '0' }, { setting: '0' }]);
    expect(await rows(one, limits)).toMatchObject([
      { setting: '10000' },
      { setting: '20000' },
      { setting: '30000' },
    ]);
  });

  test('of many processes at once migrates and seeds one after the other', async () => {
    const database = uniqueName('storage');
    let seeding = 0;
    let max = 0;
    const seed: PostgresOptions['seed'] = async (sql) => {
      seeding += 1;
      max = Math.max(max, seeding);
      await sql.query("insert into notes values (1, 'seed') on conflict do nothing");
      await sql.query('select pg_sleep(0.05)');
      seeding -= 1;
    };
    const processes = Array.from({ length: 4 }, () => postgres({ database, seed }));
    await Promise.all(processes.map(({ component }) => component.start()));
    expect(max).toBe(1);
    for (const one of processes) expect(await rows(one, 'select id from notes')).toEqual([{ id: 1 }]);
    const [first] = processes;
    expect(first && (await rows(first, 'select count(*)::int as n from mikro_orm_migrations'))).toEqual([
      { n: 1 },
    ]);
  });

  test('whose seed fails leaves no seed behind, and fails', async () => {
    const database = uniqueName('storage');
    const failing = postgres({
      database,
      seed: async (sql) => {
        await sql.query("insert into notes values (1, 'half')");
        throw new Error('the seed is bad');
      },
    });
    await expect(failing.component.start()).rejects.toThrow('the seed is bad');
    expect(await rows(failing, 'select * from notes')).toEqual([]);
  });
});

describe('errors of the real server', () => {
  test('that are about data are no outage', async () => {
    const one = postgres();
    await one.component.start();
    await insert(one, 1);
    expect(isPostgresOutage(await failure(insert(one, 1)))).toBe(false);
    expect(isPostgresOutage(await failure(rows(one, 'select * from nowhere')))).toBe(false);
  });

  test.each([
    ['it only reads', ['set transaction read only', "insert into notes values (2, 'two')"]],
    ['it denies us what it allowed', ['set local role pg_monitor', "insert into notes values (2, 'two')"]],
    ['a lock is held', ["set local lock_timeout = '10ms'", 'lock table notes']],
  ])('that say that %s are an outage', async (_, statements) => {
    const one = postgres();
    await one.component.start();
    const inTransaction = () =>
      one.database.transaction(async (transaction) => {
        for (const statement of statements) await transaction.query(statement);
      });
    await one.database.transaction(async (transaction) => {
      // For the last of them.
      await transaction.query('lock table notes in access share mode');
      expect(isPostgresOutage(await failure(inTransaction()))).toBe(true);
    });
  });

  test('that say that a statement took too long are none, so that what it was asked for can be found to blame', async () => {
    const one = postgres();
    await one.component.start();
    const slow = one.database.transaction(async (transaction) => {
      await transaction.query("set local statement_timeout = '10ms'");
      await transaction.query('select pg_sleep(60)');
    });
    const error = await failure(slow);
    expect(error).toMatchObject({ code: '57014' });
    expect(isPostgresOutage(error)).toBe(false);
  });

  test('that come from terminated connections are an outage, and cost the pool no connection', async () => {
    const one = postgres();
    await one.component.start();
    const terminated = () =>
      failure(
        one.database.transaction(async (transaction) => {
          const [own] = await transaction.query<{ pid: number }>('select pg_backend_pid() as pid');
          await one.database.query(`select pg_terminate_backend(${own?.pid})`);
          await transaction.query('select 1');
        }),
      );
    // More often than the pool has connections.
    for (let round = 0; round < 12; round++) expect(isPostgresOutage(await terminated())).toBe(true);
    await one.component.check?.();
  });

  test('that come to statements without a transaction are an outage too', async () => {
    const one = postgres();
    await one.component.start();
    for (let round = 0; round < 12; round++) {
      const terminated = failure(rows(one, 'select pg_terminate_backend(pg_backend_pid())'));
      expect(isPostgresOutage(await terminated)).toBe(true);
    }
    await one.component.check?.();
  });

  test('that come from a server out of reach are an outage, and it is reached again when it is back', async () => {
    await using proxy = await createProxy({ target: testStack().parts.postgres.port });
    const one = postgres({ url: urlOf(proxy) });
    await one.component.start();
    await proxy.refuse();
    expect(isPostgresOutage(await failure(Promise.resolve(one.component.check?.())))).toBe(true);
    expect(isPostgresOutage(await failure(insert(one, 1)))).toBe(true);
    await proxy.heal();
    await eventually(() => one.component.check?.());
    await insert(one, 1);
  });
});

test('gauges are read on a connection of their own, also while the service has used up all of its', async () => {
  const one = postgres();
  await one.component.start();
  const open = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const opened = await openTransaction(one.database);
      await opened.transaction.query('select 1');
      return opened;
    }),
  );
  const name = 'select application_name, $1::int as n from pg_stat_activity where pid = pg_backend_pid()';
  expect(await Promise.all([one.readGauge(name, [1]), one.readGauge(name, [2])])).toEqual([
    [{ application_name: 'storage test gauges', n: 1 }],
    [{ application_name: 'storage test gauges', n: 2 }],
  ]);
  const backend = await one.readGauge<{ pid: number }>('select pg_backend_pid() as pid');
  await failure(one.readGauge('select pg_terminate_backend(pg_backend_pid())'));
  expect(await one.readGauge('select pg_backend_pid() as pid')).not.toEqual(backend);
  for (const { rollback } of open) await rollback();
});

describe('a statement with values', () => {
  const prepared = `select statement, generic_plans::int as generic, custom_plans::int as custom
    from pg_prepared_statements order by name`;

  test('is planned once a connection, for all values', async () => {
    const { database, component } = postgres();
    await component.start();
    await database.transaction(async (transaction) => {
      const find = 'select text from notes where id = $1';
      for (const id of [1, 2, 3]) await transaction.query(find, [id]);
      expect(await transaction.query(prepared)).toEqual([{ statement: find, generic: 3, custom: 0 }]);
    });
  });

  test('goes by index from the first day, when the table is empty', async () => {
    const one = postgres();
    await one.component.start();
    const plan = await rows(one, 'explain select text from notes where id = 1');
    expect(JSON.stringify(plan)).toContain('Index Scan');
  });

  test('continues after a column was added, whether it names its columns or not', async () => {
    const one = postgres();
    await one.component.start();
    await insert(one, 1);
    await one.database.transaction(async (transaction) => {
      const ask = () =>
        Promise.all(
          ['select id, text from notes where id = $1', 'select * from notes where id = $1'].map((sql) =>
            transaction.query(sql, [1]),
          ),
        );
      expect(await ask()).toEqual([[{ id: 1, text: 'x' }], [{ id: 1, text: 'x' }]]);
      await transaction.query('alter table notes add column read boolean not null default false');
      expect(await ask()).toEqual([[{ id: 1, text: 'x' }], [{ id: 1, text: 'x', read: false }]]);
    });
  });

  test('of which there are ever more does not fill the server', async () => {
    const { database, component } = postgres();
    await component.start();
    await database.transaction(async (transaction) => {
      for (let i = 0; i < 400; i++) await transaction.query(`select $1::int + ${i}`, [1]);
      const [{ count } = { count: 0 }] = await transaction.query<{ count: number }>(
        'select count(*)::int as count from pg_prepared_statements',
      );
      expect(count).toBeLessThanOrEqual(300);
      expect(count).toBeGreaterThan(200);
    });
  });
});
