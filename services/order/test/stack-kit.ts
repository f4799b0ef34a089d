import { createLogger, type Logger } from '@orderflow/runtime';
import { createPostgres } from '@orderflow/storage';
import { testStack, uniqueName } from '@orderflow/testing';
import { migrations } from '../src/migrations/index.ts';
import { createMongo } from '../src/outbound/mongo/mongo.ts';
import { OrderHistoryRow, OrderRow } from '../src/outbound/postgres/entities.ts';

export const silent: Logger = createLogger({ service: 'test', level: 'silent' });

/** A migrated order database of this test's own; one that is there already when it is named. */
export async function testPostgres(database = uniqueName('order')) {
  const postgres = createPostgres({
    url: testStack().urls.POSTGRES_URL,
    database,
    applicationName: 'test',
    entities: [OrderRow, OrderHistoryRow],
    migrations,
    logger: silent,
  });
  await postgres.component.start();
  const { orm } = postgres;
  return { ...postgres.database, orm, [Symbol.asyncDispose]: () => postgres.component.stop() };
}

/** A MongoDB database of this test's own, with the indexes of the order documents. */
export async function testMongo() {
  const { mongo, component } = createMongo({
    url: testStack().urls.MONGO_URL,
    database: uniqueName('order'),
    logger: silent,
  });
  await component.start();
  return { mongo, component, [Symbol.asyncDispose]: () => component.stop() };
}
