import {
  type ConfigOf,
  commonSettings,
  defineSettings,
  durationMs,
  infrastructureSettings,
  port,
  positiveInteger,
  url,
} from '@orderflow/runtime';
import { z } from 'zod';

const { kafkaBrokers, topicPrefix, postgresUrl, databasePrefix } = infrastructureSettings;
const durations = 'durations such as 1s,2s,4s';

/** Settings of payment. */
export const settings = defineSettings({
  ...commonSettings,
  kafkaBrokers,
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
      'How long to wait before a charge that was declined for now, or whose outcome is unknown, is tried again.',
  },
  settleIntervalMs: {
    env: 'PAYMENT_SETTLE_INTERVAL',
    schema: durationMs,
    default: '30s',
    description:
      'How often a charge of unknown outcome is voided, or a refund asked for, until it is certain.',
  },
  refusedIntervalMs: {
    env: 'PAYMENT_REFUSED_INTERVAL',
    schema: durationMs,
    default: '10m',
    description: 'How often the gateway is asked again for a void or refund that it has refused.',
  },
  sliceSize: {
    env: 'SLICE_SIZE',
    schema: positiveInteger,
    default: '500',
    description: 'How many records of a partition are handled in one transaction.',
  },
  sessionTimeoutMs: {
    env: 'KAFKA_SESSION_TIMEOUT',
    schema: durationMs,
    default: '30s',
    description: 'How long Kafka waits for a silent consumer before its partitions go to others.',
  },
});

export type Config = ConfigOf<typeof settings>;
