import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  brokerList,
  byteSize,
  ConfigError,
  commonSettings,
  defineSettings,
  describeConfig,
  durationMs,
  envExample,
  loadConfig,
  origins,
  port,
  positiveInteger,
  positiveIntegerOrOff,
  url,
} from '../src/index.ts';

const settings = defineSettings({
  port: { env: 'PORT', schema: port, default: '8001', description: 'Where to listen.' },
  brokers: { env: 'KAFKA_BROKERS', schema: brokerList, description: 'Kafka.', example: 'localhost:9092' },
  postgres: { env: 'POSTGRES_URL', schema: url('postgres', 'postgresql'), description: 'Postgres.' },
  apiKey: {
    env: 'API_KEY',
    schema: z.string().min(8, 'at least 8 characters'),
    secret: true,
    description: 'Key.',
  },
  prefix: { env: 'TOPIC_PREFIX', schema: z.string().optional(), description: 'For tests.' },
});

const env = {
  KAFKA_BROKERS: 'a:9092, b:9093',
  POSTGRES_URL: 'postgres://app:s3cret@db:5432/orders',
  API_KEY: 'k-123456',
};

test('reads typed values, defaults and what may be left out', () => {
  const config = loadConfig(settings, env);
  expect(config).toEqual({
    port: 8001,
    brokers: ['a:9092', 'b:9093'],
    postgres: 'postgres://app:s3cret@db:5432/orders',
    apiKey: 'k-123456',
    prefix: undefined,
  });
  expectTypeOf(config.port).toEqualTypeOf<number>();
  expectTypeOf(config.brokers).toEqualTypeOf<string[]>();
});

test('an empty variable counts as not set', () => {
  expect(loadConfig(settings, { ...env, PORT: '', TOPIC_PREFIX: '' })).toMatchObject({
    port: 8001,
    prefix: undefined,
  });
  expect(() => loadConfig(settings, { ...env, POSTGRES_URL: '' })).toThrow(
    'POSTGRES_URL: not set, expected a URL',
  );
});

test('names every problem at once, without secrets and passwords', () => {
  const load = () =>
    loadConfig(settings, { PORT: '80011', POSTGRES_URL: 'mysql://app:s3cret@db/x', API_KEY: 'k-1' });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(
    [
      'Invalid configuration, please correct the environment:',
      '  PORT: got "80011", expected a port from 0 to 65535 (0 chooses a free one)',
      '  KAFKA_BROKERS: not set, expected Kafka brokers as host:port, separated by commas',
      '  POSTGRES_URL: got "mysql://app:***@db/x", expected a URL starting with postgres:// or postgresql://',
      '  API_KEY: got ***, expected at least 8 characters',
    ].join('\n'),
  );
});

test('describes the values in use without secrets and passwords', () => {
  expect(describeConfig(settings, loadConfig(settings, env))).toEqual({
    PORT: '8001',
    KAFKA_BROKERS: 'a:9092,b:9093',
    POSTGRES_URL: 'postgres://app:***@db:5432/orders',
    API_KEY: '***',
    TOPIC_PREFIX: '(not set)',
  });
});

test('.env.example shows every setting and comments out what need not be set', () => {
  const { port: one, brokers, prefix } = settings;
  expect(
    envExample([
      { title: 'Network', settings: { one, brokers } },
      { title: 'Tests', settings: { prefix } },
    ]),
  ).toBe(
    `# ===== Network =====

# Where to listen.
#PORT=8001

# Kafka.
KAFKA_BROKERS=localhost:9092

# ===== Tests =====

# For tests.
#TOPIC_PREFIX=
`,
  );
});

test('the settings of every process have usable defaults', () => {
  expect(loadConfig(commonSettings, {})).toEqual({
    logLevel: 'info',
    host: '127.0.0.1',
    shutdownGraceMs: 10_000,
    maxConnectionsPerAddress: 0,
  });
});

test.each([
  [port, '0', 0],
  [port, '65535', 65_535],
  [positiveInteger, '1', 1],
  [positiveIntegerOrOff, '50', 50],
  [positiveIntegerOrOff, 'off', 'off'],
  [durationMs, '500', 500],
  [durationMs, '500ms', 500],
  [durationMs, '2s', 2000],
  [durationMs, '5m', 300_000],
  [durationMs, '1h', 3_600_000],
  [byteSize, '512', 512],
  [byteSize, '512B', 512],
  [byteSize, '64KiB', 65_536],
  [byteSize, '4MiB', 4_194_304],
  [byteSize, '1GiB', 1_073_741_824],
  [origins, 'https://shop.example, http://localhost:3000', ['https://shop.example', 'http://localhost:3000']],
  [origins, '*', ['*']],
  [brokerList, 'k1:9092', ['k1:9092']],
  [url('http', 'https'), 'https://api.example:8443/v1', 'https://api.example:8443/v1'],
  [
    url('mongodb'),
    'mongodb://u:p@m1:27017,m2:27017/?replicaSet=rs',
    'mongodb://u:p@m1:27017,m2:27017/?replicaSet=rs',
  ],
])('%#: reads what is well-formed', (schema, text, value) => {
  expect(schema.parse(text)).toEqual(value);
});

test.each([
  [port, '65536'],
  [port, '-1'],
  [port, '80a'],
  [positiveInteger, '0'],
  [positiveIntegerOrOff, '0'],
  [positiveIntegerOrOff, 'OFF'],
  [positiveInteger, '1.5'],
  [positiveInteger, '9007199254740993'],
  [durationMs, '-5s'],
  [durationMs, '5 s'],
  [durationMs, '1d'],
  [durationMs, 's'],
  [byteSize, '4MB'],
  [byteSize, '999999999999GiB'],
  [origins, 'shop.example'],
  [origins, 'https://shop.example/'],
  [origins, 'https://shop.example,'],
  [origins, 'https://*.shop.example'],
  [origins, 'https://*'],
  [origins, 'https://shop.example:*'],
  [brokerList, 'kafka'],
  [brokerList, 'kafka:9092,'],
  [brokerList, 'kafka:99999'],
  [brokerList, 'http://kafka:9092'],
  [url('http'), 'https://api.example'],
  [url('http'), 'http://'],
  [url('http'), 'http://api:99999'],
  [url('http'), 'localhost:8005'],
  [url('mongodb'), 'mongodb://m1:27017,m2:port'],
])('%#: refuses what is malformed with one sentence', (schema, text) => {
  const result = schema.safeParse(text);
  expect(result.success).toBe(false);
  expect(new Set(result.error?.issues.map((issue) => issue.message)).size).toBe(1);
});
