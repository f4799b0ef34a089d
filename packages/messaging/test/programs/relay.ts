// A relay in a process of its own, to be killed.
import { MikroORM } from '@mikro-orm/postgresql';
import { createLogger, createMetrics } from '@orderflow/runtime';
import { databaseOf, listenWith, ownConnection } from '@orderflow/storage';
import { createKafka, createRelay } from '../../src/index.ts';

const { BROKERS = '', PREFIX = '', DATABASE = '' } = process.env;
const logger = createLogger({ service: 'relay', level: 'info' });
const kafka = createKafka({ brokers: BROKERS.split(','), clientId: 'program', topicPrefix: PREFIX, logger });
const orm = new MikroORM({
  clientUrl: DATABASE,
  entities: [],
  discovery: { warnWhenNoEntities: false },
  driverOptions: { pipeline: true },
});
const { meter } = createMetrics({ service: 'relay' });

// Its metrics are not read.
const readGauge = async () => [];

await createRelay({
  database: databaseOf(orm),
  readGauge,
  relayConnection: () => ownConnection({ connectionString: DATABASE }),
  listen: listenWith({ connectionString: DATABASE }),
  kafka,
  name: 'test',
  logger,
  meter,
  leaseMs: 1_000,
  batchSize: 10,
}).start();
