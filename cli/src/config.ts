import {
  authSettings,
  type ConfigOf,
  defineSettings,
  durationMs,
  infrastructureSettings,
  kafkaSettings,
  url,
} from '@orderflow/runtime';

const { topicPrefix, postgresUrl, databasePrefix, mongoUrl } = infrastructureSettings;
const { authIssuer, authAudience, authTokenUrl, authTokenScope, authClientId, authClientSecret } =
  authSettings;
// The commands listen nowhere.
const { requiredWhere: _, ...optionalIssuer } = authIssuer;

/** Settings of `pnpm orders`. */
export const settings = defineSettings({
  ...kafkaSettings,
  topicPrefix,
  postgresUrl,
  databasePrefix,
  mongoUrl,
  orderApiUrl: {
    env: 'ORDER_API_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8001',
    description: 'The order API, which send, retry and cancel call: orderflow.order.v1.OrderService.',
  },
  gatewayUrl: {
    env: 'GATEWAY_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8006',
    description: 'The payment gateway, whose ledger is read: orderflow.gateway.v1.GatewayService.',
  },
  notificationUrl: {
    env: 'NOTIFICATION_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8004',
    description:
      'The notification service, whose mails show and stuck list: orderflow.notification.v1.NotificationService.',
  },
  authIssuer: optionalIssuer,
  authAudience,
  authTokenUrl,
  authTokenScope,
  authClientId,
  authClientSecret,
  ordersToken: {
    env: 'ORDERS_TOKEN',
    schema: authClientSecret.schema,
    secret: true,
    description: 'The token for calls, in place of those of AUTH_CLIENT_ID: that of a person, for example.',
  },
  sessionTimeoutMs: {
    env: 'KAFKA_SESSION_TIMEOUT',
    schema: durationMs,
    default: '10s',
    description: 'How long a replay that was killed blocks the next one.',
  },
});

/** The configuration of `pnpm orders`. */
export type Config = ConfigOf<typeof settings>;
