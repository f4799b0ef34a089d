import {
  type ConfigOf,
  commonSettings,
  defineSettings,
  infrastructureSettings,
  port,
} from '@orderflow/runtime';

const { kafkaBrokers, topicPrefix, postgresUrl, databasePrefix } = infrastructureSettings;

/** Settings of the enrichment stub. */
export const settings = defineSettings({
  ...commonSettings,
  kafkaBrokers,
  topicPrefix,
  postgresUrl,
  databasePrefix,
  port: {
    env: 'PORT',
    schema: port,
    default: '8005',
    description: 'Where RPC, health and metrics are served; 0 takes a free port.',
  },
});

export type Config = ConfigOf<typeof settings>;
