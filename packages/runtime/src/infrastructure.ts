import { z } from 'zod';
import { defineSettings } from './config.ts';
import { kafkaSettings } from './kafka-settings.ts';
import { mongoServerUrl, postgresServerUrl, redisServerUrl } from './store-urls.ts';

/** Settings of the stores and the broker, with the addresses of `pnpm dev` as defaults. */
export const infrastructureSettings = defineSettings({
  ...kafkaSettings,
  topicPrefix: {
    env: 'TOPIC_PREFIX',
    schema: z.string().default(''),
    description: 'The prefix of every topic and consumer group; separates several systems on one broker.',
  },
  postgresUrl: {
    env: 'POSTGRES_URL',
    schema: postgresServerUrl,
    default: 'postgres://postgres:postgres@127.0.0.1:5432',
    description:
      'The Postgres server, without a database: every service has a database of its own there. Parameters: sslmode (disable, require, verify-ca, verify-full) and sslrootcert.',
  },
  databasePrefix: {
    env: 'DATABASE_PREFIX',
    schema: z.string().default(''),
    description: 'The prefix of every database name in Postgres and MongoDB; separates several systems.',
  },
  mongoUrl: {
    env: 'MONGO_URL',
    schema: mongoServerUrl,
    default: 'mongodb://127.0.0.1:27017',
    description: 'The MongoDB server that holds the read model of orders.',
  },
  redisUrl: {
    env: 'REDIS_URL',
    schema: redisServerUrl,
    default: 'redis://127.0.0.1:6379',
    description:
      'The Redis server that caches enrichment; rediss:// encrypts. Without it processing is slower, never wrong.',
  },
});
