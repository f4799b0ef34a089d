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

/** Settings of the enrichment stub. */
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
    default: '8005',
    description: 'Where RPC, health and metrics are served; 0 takes a free port.',
  },
  ...consumerSettings,
});

export type Config = ConfigOf<typeof settings>;
