import { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { Component, Logger } from '@orderflow/runtime';
import { ensureIndexes } from './order-collection.ts';
import { isOutage } from './outage.ts';

/** How MongoDB is reached. */
export interface MongoOptions {
  readonly url: string;
  readonly database: string;
  readonly logger: Logger;
}

/** A server that does not answer for this long counts as gone; work pauses then, nothing is lost. */
const patienceMs = 5_000;

/** The database of order documents, and the component that connects it. */
export function createMongo({ url, database, logger }: MongoOptions): {
  mongo: MongoORM;
  component: Component;
} {
  const mongo = new MongoORM({
    clientUrl: url,
    dbName: database,
    discovery: { warnWhenNoEntities: false },
    driverOptions: {
      appName: 'orderflow',
      // Answered only when a majority has it on disk: an offset is committed after that.
      writeConcern: { w: 'majority', journal: true },
      serverSelectionTimeoutMS: patienceMs,
      connectTimeoutMS: patienceMs,
      socketTimeoutMS: patienceMs * 2,
    },
    logger: (message) => logger.debug(message),
  });
  return {
    mongo,
    component: {
      name: 'mongo',
      isOutage,
      async start() {
        await mongo.connect();
        // Connects at its first use by itself, but if that fails, never again unless it is told to.
        await mongo.em.getConnection().getClient().connect();
        await ensureIndexes(mongo);
      },
      stop: () => mongo.close(),
      async check() {
        await mongo.em.getConnection().getDb().command({ ping: 1 });
      },
    },
  };
}
