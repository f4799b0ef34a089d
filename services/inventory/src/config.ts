import {
  authSettings,
  type ConfigOf,
  commonSettings,
  consumerSettings,
  defineSettings,
  infrastructureSettings,
  kafkaSettings,
  port,
} from '@orderflow/runtime';

const { topicPrefix, postgresUrl, databasePrefix } = infrastructureSettings;

/** Settings of inventory. */
export const settings = defineSettings({
  ...commonSettings,
  ...authSettings,
  ...kafkaSettings,
  topicPrefix,
  postgresUrl,
  databasePrefix,
  port: {
    env: 'PORT',
    schema: port,
    default: '8002',
    description: 'Where RPC, health and metrics are served; 0 takes a free port.',
  },
  ...consumerSettings,
});

export type Config = ConfigOf<typeof settings>;
