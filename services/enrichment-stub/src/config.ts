import {
  authSettings,
  type ConfigOf,
  commonSettings,
  consumerSettings,
  defineSettings,
  infrastructureSettings,
  kafkaSettings,
  port,
  url,
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
  orderApiUrl: {
    env: 'ORDER_API_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8001',
    description:
      'The order API, from which orders are counted that are older than their topic: orderflow.order.v1.OrderService.',
  },
  ...consumerSettings,
});

export type Config = ConfigOf<typeof settings>;
