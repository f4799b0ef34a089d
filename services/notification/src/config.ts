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
const sender = 'an address such as orders@example.com, or Shop <orders@example.com>';

/** Settings of notification. */
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
    default: '8004',
    description: 'Where RPC, health and metrics are served; 0 takes a free port.',
  },
  smtpUrl: {
    env: 'SMTP_URL',
    schema: url('smtp', 'smtps'),
    default: 'smtp://localhost:1025',
    description: 'The mail server: smtp://user:password@host:587, or smtps:// for TLS from the first byte.',
  },
  mailFrom: {
    env: 'MAIL_FROM',
    schema: z.string(sender).regex(/^([^\p{Cc}<>@]+ <[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/u, sender),
    default: 'orders@orderflow.example',
    description: 'The sender of every mail; its domain is that of the Message-IDs.',
  },
  mailMaxAgeMs: {
    env: 'MAIL_MAX_AGE',
    schema: durationMs,
    default: '24h',
    description:
      'The age at which an event is not mailed any more, and how long the delivery of a rendered mail is retried.',
  },
  customerApiUrl: {
    env: 'CUSTOMER_API_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8005',
    description: 'Where names and addresses are read: orderflow.enrichment.v1.CustomerService over gRPC.',
  },
  orderApiUrl: {
    env: 'ORDER_API_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8001',
    description: 'Where the lines of a confirmed order are read: orderflow.order.v1.OrderService over gRPC.',
  },
  ...consumerSettings,
});

export type Config = ConfigOf<typeof settings>;
