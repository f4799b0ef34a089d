import { z } from 'zod';
import { type ConfigOf, defineSettings } from './config.ts';
import { brokerList, durationMs, positiveInteger } from './setting-schemas.ts';
import { readableFile } from './store-urls.ts';

const mechanisms = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN'] as const;

/** The address of Kafka, and how a process authenticates to it. */
export const kafkaSettings = defineSettings({
  kafkaBrokers: {
    env: 'KAFKA_BROKERS',
    schema: brokerList,
    default: '127.0.0.1:9092',
    description: 'Kafka brokers as host:port, separated by commas.',
  },
  kafkaSsl: {
    env: 'KAFKA_SSL',
    schema: z.enum(['true', 'false'], 'true or false').transform((value) => value === 'true'),
    default: 'false',
    description:
      'Whether connections to Kafka are encrypted, and the brokers must present a trusted certificate.',
  },
  kafkaSslCa: {
    env: 'KAFKA_SSL_CA',
    schema: z
      .string()
      .refine((path) => readableFile(path) === undefined, 'a file that can be read')
      .optional(),
    requires: ['KAFKA_SSL'],
    description: "A file of certificates that are trusted in place of the system's.",
  },
  kafkaSaslMechanism: {
    env: 'KAFKA_SASL_MECHANISM',
    schema: z.enum(mechanisms, `one of ${mechanisms.join(', ')}`).optional(),
    requires: ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'],
    example: 'SCRAM-SHA-512',
    description: `How a process authenticates to Kafka: ${mechanisms.join(', ')}. Unset: it does not.`,
  },
  kafkaSaslUsername: {
    env: 'KAFKA_SASL_USERNAME',
    schema: z.string().optional(),
    requires: ['KAFKA_SASL_MECHANISM'],
    description: 'The user name. The rights that each process needs are in docs/events.md.',
  },
  kafkaSaslPassword: {
    env: 'KAFKA_SASL_PASSWORD',
    schema: z.string().optional(),
    requires: ['KAFKA_SASL_MECHANISM'],
    secret: true,
    description: 'The password.',
  },
});

/** How a process consumes topics. */
export const consumerSettings = defineSettings({
  batchSize: {
    env: 'SLICE_SIZE',
    schema: positiveInteger,
    default: '500',
    description:
      'The largest number of records that are handled in one transaction, of one partition or merged from several.',
  },
  sessionTimeoutMs: {
    env: 'KAFKA_SESSION_TIMEOUT',
    schema: durationMs,
    default: '30s',
    description: 'How long Kafka waits for the heartbeat of a consumer before it reassigns its partitions.',
  },
});

/** How connections to Kafka are encrypted and authenticated. */
export interface KafkaSecurity {
  readonly ssl: boolean;
  /** A file of certificates; undefined: those of the system. */
  readonly caFile: string | undefined;
  readonly sasl:
    | {
        readonly mechanism: (typeof mechanisms)[number];
        readonly username: string;
        readonly password: string;
      }
    | undefined;
}

/** The security that the settings configure. */
export function kafkaSecurity(config: Omit<ConfigOf<typeof kafkaSettings>, 'kafkaBrokers'>): KafkaSecurity {
  const { kafkaSsl: ssl, kafkaSslCa: caFile, kafkaSaslMechanism: mechanism } = config;
  const { kafkaSaslUsername: username = '', kafkaSaslPassword: password = '' } = config;
  return { ssl, caFile, sasl: mechanism && { mechanism, username, password } };
}
