import { createLogger, type Logger } from '@orderflow/runtime';
import { createPostgres } from '@orderflow/storage';
import { testStack, uniqueName } from '@orderflow/testing';
import { migrations } from '../src/migrations/index.ts';
import { OrderHistoryRow, OrderRow } from '../src/outbound/entities.ts';
import { createMongo } from '../src/outbound/mongo.ts';

export const silent: Logger = createLogger({ service: 'test', level: 'silent' });

/** A migrated order database of this test's own. */
export async function testPostgres() {
  const { orm, component } = createPostgres({
    url: testStack().urls.POSTGRES_URL,
    database: uniqueName('order'),
    applicationName: 'test',
    entities: [OrderRow, OrderHistoryRow],
    migrations,
    logger: silent,
  });
  await component.start();
  return { orm, [Symbol.asyncDispose]: () => component.stop() };
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
