import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLogger, kafkaSecurity, kafkaSettings, loadConfig } from '@orderflow/runtime';
import { startProcess } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { javaArtefacts, jvmOptions } from '../../devstack/src/java.ts';
import { freePorts } from '../../devstack/src/ports.ts';
import {
  createKafka,
  createProducer,
  ensureTopics,
  eventSpec,
  readRanges,
} from '../../packages/messaging/src/index.ts';

// A broker of its own with a listener that wants TLS and a password, as a cluster in production has.

const folder = mkdtempSync(join(tmpdir(), 'kafka-security-'));
const file = (name: string) => join(folder, name);
const password = 's3cret-of-app';
const logger = createLogger({ service: 'test', level: 'silent' });
let broker: ReturnType<typeof startProcess>;
let address: string;

function certify(name: string): void {
  const args = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test'];
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  const out = ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)];
  execFileSync('openssl', ['req', '-x509', ...args, ...names, ...out], { stdio: 'ignore' });
}

beforeAll(async () => {
  certify('ours');
  certify('other');
  writeFileSync(
    file('keystore.pem'),
    readFileSync(file('ours.key'), 'utf8') + readFileSync(file('ours.crt'), 'utf8'),
  );
  const [plain = 0, controller = 0, secure = 0] = await freePorts(3);
  address = `127.0.0.1:${secure}`;
  const security = 'org.apache.kafka.common.security';
  const scram = `${security}.scram.ScramLoginModule required;`;
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},SECURE://${address}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain},SECURE://${address}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
    'listener.name.secure.ssl.keystore.type': 'PEM',
    'listener.name.secure.ssl.keystore.location': file('keystore.pem'),
    'listener.name.secure.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.secure.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.secure.scram-sha-512.sasl.jaas.config': scram,
    'listener.name.secure.plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required user_app="${password}";`,
    'log.dirs': file('log'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
  };
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(file('server.properties'), lines.join(''));
  const { classpath } = await javaArtefacts(() => {});
  broker = startProcess({
    command: 'java',
    args: [
      ...jvmOptions(true),
      '-cp',
      classpath,
      'orderflow.KafkaBroker',
      file('server.properties'),
      `127.0.0.1:${plain}`,
    ],
    env: {},
  });
  await broker.waitForLine(/kafka is ready/, { timeoutMs: 120_000 });
  const user = ['--entity-type', 'users', '--entity-name', 'app'];
  const command = ['-cp', classpath, 'kafka.admin.ConfigCommand', '--bootstrap-server', `127.0.0.1:${plain}`];
  // One request takes one credential of a user.
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    const credential = `${mechanism}=[password=${password}]`;
    await promisify(execFile)('java', [...command, '--alter', '--add-config', credential, ...user]);
  }
}, 240_000);
afterAll(async () => {
  await broker?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const mechanisms = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN'] as const;

/** As a process with these variables sees the cluster. */
function kafkaOf(env: Record<string, string>) {
  const config = loadConfig(kafkaSettings, {
    KAFKA_BROKERS: address,
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA: file('ours.crt'),
    KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    KAFKA_SASL_USERNAME: 'app',
    KAFKA_SASL_PASSWORD: password,
    ...env,
  });
  const { kafkaBrokers: brokers } = config;
  return createKafka({ brokers, security: kafkaSecurity(config), clientId: 'test', topicPrefix: '', logger });
}

test.each(mechanisms)('records are written and read with %s over TLS', async (mechanism) => {
  const kafka = kafkaOf({ KAFKA_SASL_MECHANISM: mechanism });
  const topic = `secured-${mechanism.toLowerCase()}`;
  await ensureTopics(kafka, [eventSpec(topic)]);
  const producer = createProducer(kafka);
  await producer.send([{ topic, key: 'o-1', value: Buffer.from('said'), headers: {} }]);
  await producer.close();
  const admin = kafka.client().admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const ranges = offsets.map(({ partition, low, high }) => ({
    partition,
    from: BigInt(low),
    to: BigInt(high),
  }));
  const values: string[] = [];
  await readRanges({
    kafka,
    topic,
    ranges,
    handle: (records) => void values.push(...records.map(({ value }) => String(value))),
    signal: AbortSignal.timeout(60_000),
  });
  expect(values).toEqual(['said']);
});

test.each([
  ['a wrong password', { KAFKA_SASL_PASSWORD: 'wrong' }, /authentication/i],
  ['a certificate signed by an untrusted CA', { KAFKA_SSL_CA: file('other.crt') }, /certificate/],
])('%s is refused', async (_, env, message) => {
  const admin = kafkaOf(env).client({ retries: 0 }).admin();
  try {
    await expect(admin.connect()).rejects.toThrow(message);
  } finally {
    await admin.disconnect();
  }
});
