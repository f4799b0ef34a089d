import { describe, expect, test } from 'vitest';
import { type ConfigError, describeConfig, loadConfig } from '../src/config.ts';
import { infrastructureSettings } from '../src/infrastructure.ts';
import { kafkaSecurity, kafkaSettings } from '../src/kafka-settings.ts';

/** What is said of an environment; undefined where it can be used. */
function problemOf(env: Record<string, string>): string | undefined {
  try {
    loadConfig(infrastructureSettings, env);
    return undefined;
  } catch (error) {
    return (error as ConfigError).message;
  }
}

const here = import.meta.filename;
const postgres = 'postgres://postgres:postgres@db:5432';

describe('a parameter of a store’s URL is honoured, or the process does not start', () => {
  test.each([
    ['POSTGRES_URL', `${postgres}?sslmode=verify-full`],
    ['POSTGRES_URL', `${postgres}?sslmode=verify-ca&sslrootcert=${here}`],
    ['POSTGRES_URL', `${postgres}/?sslmode=disable`],
    ['MONGO_URL', 'mongodb://a:1,b:2/?replicaSet=rs0&tls=true&authSource=admin'],
    ['MONGO_URL', `mongodb://a:1/?TLS=true&tlsCAFile=${here}`],
    ['REDIS_URL', 'rediss://:secret@cache:6379/1?family=6'],
  ])('%s=%s', (env, value) => {
    expect(problemOf({ [env]: value })).toBeUndefined();
  });

  test.each([
    [
      'POSTGRES_URL',
      `${postgres}?sslmode=nonsense`,
      'sslmode to be one of disable, require, verify-ca, verify-full',
    ],
    ['POSTGRES_URL', `${postgres}?sslmode=prefer`, 'sslmode to be one of'],
    [
      'POSTGRES_URL',
      `${postgres}?sslmode=verify-ca&sslrootcert=/not/there.crt`,
      'sslrootcert to be a file that can be read',
    ],
    ['POSTGRES_URL', `${postgres}?ssl=true`, 'no parameter "ssl" (known parameters: sslmode, sslrootcert)'],
    ['POSTGRES_URL', `${postgres}?sslmode=require&sslmode=disable`, 'the parameter sslmode once'],
    ['POSTGRES_URL', `${postgres}?sslmode=require#x`, 'no "#"'],
    // A client looks for the exact name, and would connect in plain text.
    ['POSTGRES_URL', `${postgres}?SSLMODE=verify-full`, 'no parameter "SSLMODE"'],
    ['POSTGRES_URL', `${postgres}?sslMode=require`, 'no parameter "sslMode"'],
    ['MONGO_URL', 'mongodb://a:1/?w=1', 'no parameter "w"'],
    ['MONGO_URL', 'mongodb://a:1/?tls=true&TLS=false', 'the parameter TLS once'],
    ['MONGO_URL', 'mongodb://a:1/?tls=yes', 'tls to be one of true, false'],
    ['REDIS_URL', 'redis://cache:6379?FAMILY=6', 'no parameter "FAMILY"'],
    ['REDIS_URL', 'redis://cache:6379?tls=true', 'no parameter "tls" (known parameters: family)'],
  ])('%s=%s does not start', (env, value, problem) => {
    const said = problemOf({ [env]: value });
    expect(said).toContain(`${env}: got`);
    expect(said).toContain(problem);
  });
});

describe('security of Kafka', () => {
  const sasl = {
    KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    KAFKA_SASL_USERNAME: 'app',
    KAFKA_SASL_PASSWORD: 's3cret',
  };

  test('is none when nothing is set', () => {
    expect(kafkaSecurity(loadConfig(kafkaSettings, {}))).toEqual({
      ssl: false,
      caFile: undefined,
      sasl: undefined,
    });
  });

  test('is what is set; the password is never shown', () => {
    const config = loadConfig(kafkaSettings, { ...sasl, KAFKA_SSL: 'true', KAFKA_SSL_CA: here });
    expect(kafkaSecurity(config)).toEqual({
      ssl: true,
      caFile: here,
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'app', password: 's3cret' },
    });
    expect(JSON.stringify(describeConfig(kafkaSettings, config))).not.toContain('s3cret');
  });

  test.each<[string, Record<string, string>, string[]]>([
    ['a mechanism alone', { KAFKA_SASL_MECHANISM: 'PLAIN' }, ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD']],
    ['a password alone', { KAFKA_SASL_PASSWORD: 's3cret' }, ['KAFKA_SASL_MECHANISM']],
    ['no password', { ...sasl, KAFKA_SASL_PASSWORD: '' }, ['KAFKA_SASL_PASSWORD']],
    ['certificates without encryption', { KAFKA_SSL: 'false', KAFKA_SSL_CA: here }, ['KAFKA_SSL']],
    ['an unknown mechanism', { ...sasl, KAFKA_SASL_MECHANISM: 'GSSAPI' }, ['KAFKA_SASL_MECHANISM']],
    ['certificates that are not there', { KAFKA_SSL: 'true', KAFKA_SSL_CA: '/not/there' }, ['KAFKA_SSL_CA']],
  ])('that is half set is refused: %s', (_, env, named) => {
    const said = problemOf(env) ?? '';
    for (const name of named) expect(said).toMatch(new RegExp(`^ {2}${name}: .*expected`, 'm'));
    expect(said).not.toContain('s3cret');
  });
});
