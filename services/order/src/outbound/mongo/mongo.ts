import { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { Component, Logger } from '@orderflow/runtime';
import { isOutage } from '../outage.ts';
import { ensureIndexes } from './order-collection.ts';

/** The connection to MongoDB. */
export interface MongoOptions {
  readonly url: string;
  readonly database: string;
  readonly logger: Logger;
}

/** A server that does not respond for this long counts as unavailable; work pauses then, and nothing is lost. */
const maxWaitMs = 5_000;

/** Creates the database of order documents, and the component that connects it. */
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
      // Acknowledged only when a majority has it on disk: an offset is committed after that.
      writeConcern: { w: 'majority', journal: true },
      serverSelectionTimeoutMS: maxWaitMs,
      connectTimeoutMS: maxWaitMs,
      socketTimeoutMS: maxWaitMs * 2,
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
        // The driver connects on first use, but if that fails, it does not try again until it is called again.
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
