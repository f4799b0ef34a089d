import {
  type ConfigOf,
  commonSettings,
  defineSettings,
  durationMs,
  infrastructureSettings,
  port,
  positiveInteger,
} from '@orderflow/runtime';

const { kafkaBrokers, topicPrefix, postgresUrl, databasePrefix } = infrastructureSettings;

/** Settings of inventory. */
export const settings = defineSettings({
  ...commonSettings,
  kafkaBrokers,
  topicPrefix,
  postgresUrl,
  databasePrefix,
  port: {
    env: 'PORT',
    schema: port,
    default: '8002',
    description: 'Where RPC, health and metrics are served; 0 takes a free port.',
  },
  sliceSize: {
    env: 'SLICE_SIZE',
    schema: positiveInteger,
    default: '500',
    description: 'How many events of a partition are handled in one transaction.',
  },
  sessionTimeoutMs: {
    env: 'KAFKA_SESSION_TIMEOUT',
    schema: durationMs,
    default: '30s',
    description: 'How long Kafka waits for a silent consumer before its partitions go to others.',
  },
});

export type Config = ConfigOf<typeof settings>;
