import {
  authSettings,
  type ConfigOf,
  commonSettings,
  consumerSettings,
  defineSettings,
  durationMs,
  infrastructureSettings,
  kafkaSettings,
  port,
  url,
} from '@orderflow/runtime';
import { z } from 'zod';

const { topicPrefix, postgresUrl, databasePrefix } = infrastructureSettings;
const durations = 'durations such as 1s,2s,4s';

/** Settings of payment. */
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
    default: '8003',
    description: 'Where RPC, health and metrics are served; 0 takes a free port.',
  },
  gatewayUrl: {
    env: 'GATEWAY_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8006',
    description: 'The payment gateway: orderflow.gateway.v1.GatewayService over gRPC.',
  },
  orderApiUrl: {
    env: 'ORDER_API_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8001',
    description:
      'The order API, which a refund of an order that was never completed asks whether the order exists: orderflow.order.v1.OrderService.',
  },
  gatewayTryTimeoutMs: {
    env: 'GATEWAY_TRY_TIMEOUT',
    schema: durationMs,
    default: '5s',
    description: 'How long a call to the gateway may take before its outcome counts as unknown.',
  },
  retryDelaysMs: {
    env: 'PAYMENT_RETRY_DELAYS',
    schema: z
      .string(durations)
      .transform((value) => value.split(','))
      .pipe(z.array(durationMs, durations)),
    default: '1s,2s,4s',
    description:
      'The delays before a charge that was temporarily declined, or whose outcome is unknown, is retried.',
  },
  settleIntervalMs: {
    env: 'PAYMENT_SETTLE_INTERVAL',
    schema: durationMs,
    default: '30s',
    description:
      'The interval at which a charge of unknown outcome is voided, or a refund repeated, until the outcome is known.',
  },
  refusedIntervalMs: {
    env: 'PAYMENT_REFUSED_INTERVAL',
    schema: durationMs,
    default: '10m',
    description: 'The interval at which a void or refund that the gateway has refused is repeated.',
  },
  ...consumerSettings,
});

export type Config = ConfigOf<typeof settings>;
