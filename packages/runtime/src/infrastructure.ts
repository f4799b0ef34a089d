import { z } from 'zod';
import { defineSettings } from './config.ts';
import { brokerList, url } from './setting-schemas.ts';

/** Settings of the stores and the broker, with the addresses of `pnpm dev` as defaults; a process takes what it uses. */
export const infrastructureSettings = defineSettings({
  kafkaBrokers: {
    env: 'KAFKA_BROKERS',
    schema: brokerList,
    default: '127.0.0.1:9092',
    description: 'Kafka brokers as host:port, separated by commas.',
  },
  topicPrefix: {
    env: 'TOPIC_PREFIX',
    schema: z.string().default(''),
    description:
      'Stands in front of every topic and consumer group; keeps several systems apart on one broker.',
  },
  postgresUrl: {
    env: 'POSTGRES_URL',
    schema: url('postgres', 'postgresql'),
    default: 'postgres://postgres:postgres@127.0.0.1:5432',
    description: 'The Postgres server, without a database: every service has a database of its own there.',
  },
  databasePrefix: {
    env: 'DATABASE_PREFIX',
    schema: z.string().default(''),
    description:
      'Stands in front of every database name in Postgres and MongoDB; keeps several systems apart.',
  },
  mongoUrl: {
    env: 'MONGO_URL',
    schema: url('mongodb', 'mongodb+srv'),
    default: 'mongodb://127.0.0.1:27017',
    description: 'The MongoDB server that shows orders.',
  },
  redisUrl: {
    env: 'REDIS_URL',
    schema: url('redis', 'rediss'),
    default: 'redis://127.0.0.1:6379',
    description: 'The Redis server that caches enrichment. Orders are right without it, only slower.',
  },
});
