import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts, repositoryRoot, type StackUrls } from '@orderflow/devstack';
import { developmentClients } from '@orderflow/identity-stub/domain/clients';
import { authSettings } from '@orderflow/runtime';
import { startProcess, type TestProcess } from '@orderflow/testing/process';

/** A process of orderflow: its program, its default port, and as which client it gets tokens if it calls others. */
interface Program {
  readonly main: string;
  readonly roles: readonly string[];
  readonly port: number;
  readonly client?: ClientId;
}

/** The id of a client of the identity stub. */
export type ClientId = keyof typeof developmentClients;

const orderMain = 'services/order/src/main.ts';

/** Every process that takes part in an order. */
const programs = {
  'enrichment-stub': {
    main: 'services/enrichment-stub/src/main.ts',
    roles: [],
    port: 8005,
    client: 'enrichment',
  },
  inventory: { main: 'services/inventory/src/main.ts', roles: [], port: 8002 },
  payment: { main: 'services/payment/src/main.ts', roles: [], port: 8003, client: 'payment' },
  'payment-gateway-stub': { main: 'services/payment-gateway-stub/src/main.ts', roles: [], port: 8006 },
  notification: { main: 'services/notification/src/main.ts', roles: [], port: 8004, client: 'notification' },
  'order-api': { main: orderMain, roles: ['api'], port: 8001, client: 'order' },
  'order-relay': { main: orderMain, roles: ['relay'], port: 8011 },
  'order-worker': { main: orderMain, roles: ['worker'], port: 8012, client: 'order' },
  'order-saga': { main: orderMain, roles: ['saga'], port: 8013 },
  'order-view': { main: orderMain, roles: ['view'], port: 8014 },
} as const satisfies Record<string, Program>;

const identityStub: Program = { main: 'services/identity-stub/src/main.ts', roles: [], port: 8007 };

/** The name of a process of orderflow. */
export type ServiceName = keyof typeof programs;

/** Every process that takes part in an order, in the order they are started. */
export const serviceNames = Object.keys(programs) as ServiceName[];

/** The processes that take an order from its record to its decision, document and event. */
export const enrichmentPath = ['enrichment-stub', 'order-relay', 'order-worker', 'order-view'] as const;

/** The processes that take an order from the API to its end, without the two stubs. */
export const orderPath = [
  'order-relay',
  'order-worker',
  'order-saga',
  'order-view',
  'inventory',
  'payment',
] as const;

/** A process of orderflow that can be started, stopped and killed repeatedly; it keeps its port. */
export interface Service {
  readonly name: ServiceName | 'identity-stub';
  readonly url: string;
  readonly logFile: string;
  /** Starts it and waits until it is ready. `env`: for this start only. */
  start(env?: NodeJS.ProcessEnv): Promise<void>;
  /** Starts it without waiting. */
  launch(env?: NodeJS.ProcessEnv): TestProcess;
  ready(): Promise<void>;
  /** SIGTERM; resolves when it has exited. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it has exited. */
  kill(): Promise<void>;
  /** The process id of the running process. */
  pid(): number;
  /** Whether it was started and has not exited. */
  isRunning(): boolean;
  freeze(): void;
  thaw(): void;
  /** Resolves when the running process has exited, to how it exited. */
  ended(): TestProcess['exited'];
  /** Its present metrics, by name with attributes, in Prometheus format. */
  metrics(): Promise<ReadonlyMap<string, number>>;
}

/** The processes of orderflow on one set of stores. */
export interface System {
  readonly services: Readonly<Record<ServiceName, Service>>;
  /** Issues the tokens of a system with `auth`, and runs before the others. */
  readonly identity: Service | undefined;
  /** All of them, the identity stub included. */
  readonly processes: readonly Service[];
  /** Variables of every process. AUTH_ISSUER: empty where tokens are not required. */
  readonly env: Readonly<StackUrls & Record<string, string>>;
  /** Starts these, or all of them, concurrently: each waits for its dependencies. With `auth` the identity stub first. */
  start(names?: readonly ServiceName[]): Promise<void>;
  /** Stops all of them, concurrently. */
  stop(): Promise<void>;
  /** The state and last warnings of each, for the message of a failing test. */
  lastWords(): Promise<string>;
}

/** What keeps every process small, the same as in the image; `docs/operations.md` says why. */
export const memorySettings = {
  NODE_OPTIONS: '--max-semi-space-size=16 --max-old-space-size=400 --expose-gc',
  MALLOC_ARENA_MAX: '2',
} as const;

/** Variables of a process that gets its tokens as this client of the identity stub. */
export function clientEnv(id: ClientId): { AUTH_CLIENT_ID: string; AUTH_CLIENT_SECRET: string } {
  const { secret } = developmentClients[id];
  return { AUTH_CLIENT_ID: id, AUTH_CLIENT_SECRET: secret };
}

/** What the shell has for `pnpm orders` is not for processes. */
const noAccess = Object.fromEntries(
  Object.values(authSettings).flatMap(({ env }) => (env.startsWith('AUTH_') ? [[env, '']] : [])),
);

/** Longer than a start takes on a busy machine. */
const readyMs = 120_000;

/** Creates a system on the stores at `urls`; nothing is started yet. */
export async function createSystem(options: {
  urls: StackUrls;
  /** `usual`: the documented ports; `free`: any, so that several systems can run. */
  ports: 'usual' | 'free';
  logDir: string;
  env?: Record<string, string>;
  /**
   * Whether there is an identity stub. Every process gets its address in `AUTH_…`, and those that call others a client
   * of it; of another stub if `env` has its AUTH_ISSUER.
   */
  auth?: boolean;
}): Promise<System> {
  const { auth = false } = options;
  const free = options.ports === 'free' ? await freePorts(serviceNames.length + 1) : [];
  const ports = new Map(serviceNames.map((name, index) => [name, free[index] ?? programs[name].port]));
  const identityPort = free[serviceNames.length] ?? identityStub.port;
  const urlOf = (name: ServiceName) => `http://127.0.0.1:${ports.get(name)}`;
  const env: StackUrls & Record<string, string> = {
    ...noAccess,
    ...options.urls,
    CUSTOMER_API_URL: urlOf('enrichment-stub'),
    PRODUCT_API_URL: urlOf('enrichment-stub'),
    INVENTORY_URL: urlOf('inventory'),
    PAYMENT_URL: urlOf('payment'),
    NOTIFICATION_URL: urlOf('notification'),
    GATEWAY_URL: urlOf('payment-gateway-stub'),
    ORDER_API_URL: urlOf('order-api'),
    // A killed consumer blocks its partitions this long.
    KAFKA_SESSION_TIMEOUT: '3s',
    // Halves the time of a start.
    NODE_COMPILE_CACHE: join(repositoryRoot, '.orderflow/compile-cache'),
    ...memorySettings,
    ...(auth && { AUTH_ISSUER: `http://localhost:${identityPort}` }),
    ...options.env,
  };

  const service = (name: Service['name'], program: Program, port: number): Service => {
    const { main, roles, client } = program;
    const url = `http://127.0.0.1:${port}`;
    const clientVariables = env['AUTH_ISSUER'] && client !== undefined ? clientEnv(client) : {};
    const logFile = join(options.logDir, `${name}.log`);
    let running: TestProcess | undefined;
    const current = (): TestProcess => {
      if (running === undefined) throw new Error(`${name} was not started`);
      return running;
    };
    return {
      name,
      url,
      logFile,
      launch(extra = {}) {
        running = startProcess({
          ...commandOf(name, [join(repositoryRoot, main), ...roles], env),
          env: { ...env, ...clientVariables, PORT: String(port), ...extra },
          cwd: repositoryRoot,
          logFile,
        });
        return running;
      },
      async start(extra) {
        this.launch(extra);
        await this.ready();
      },
      ready: () => untilReady(name, url, current(), logFile),
      async stop() {
        await running?.stop();
      },
      async kill() {
        await running?.kill();
      },
      pid: () => current().pid,
      isRunning: () => running?.hasEnded() === false,
      freeze: () => current().freeze(),
      thaw: () => current().thaw(),
      ended: () => current().exited,
      metrics: () => readMetrics(url),
    };
  };
  const services = Object.fromEntries(
    serviceNames.map((name) => [name, service(name, programs[name], ports.get(name) ?? 0)]),
  ) as System['services'];
  const identity = auth ? service('identity-stub', identityStub, identityPort) : undefined;
  let identityReady: Promise<void> | undefined;
  const processes = [...Object.values(services), ...(identity ? [identity] : [])];

  return {
    services,
    identity,
    processes,
    env,
    async start(names = serviceNames) {
      identityReady ??= identity?.start();
      await identityReady;
      await Promise.all(names.map((name) => services[name].start()));
    },
    async stop() {
      identityReady = undefined;
      await Promise.all(processes.map((each) => each.stop()));
    },
    async lastWords() {
      return (await Promise.all(processes.map(lastWordsOf))).join('\n');
    },
  };
}

/** The program that ENRICHMENT_SERVER names takes the place of the enrichment stub, with the same variables. */
function commandOf(name: Service['name'], args: readonly string[], env: NodeJS.ProcessEnv) {
  const server = env['ENRICHMENT_SERVER'] ?? process.env['ENRICHMENT_SERVER'];
  if (name === 'enrichment-stub' && server) return { command: server, args: [] };
  return { command: process.execPath, args };
}

async function lastWordsOf({ name, url, logFile, isRunning }: Service): Promise<string> {
  const log = await readFile(logFile, 'utf8').catch(() => '');
  // Retries of kafkajs are frequent and not informative.
  const words = log
    .split('\n')
    .filter((line) => /"level":"(warn|error|fatal)"/.test(line) && !line.includes('"kafkajs":'));
  const { ok, said } = isRunning() ? await askReadiness(url) : { ok: false, said: 'it does not run' };
  const state = ok ? 'ready' : said.replaceAll(/\s+/g, ' ').slice(0, 500);
  return [`${name}: ${state}`, ...words.slice(-3).map((line) => `  ${line.slice(0, 300)}`)].join('\n');
}

async function askReadiness(url: string): Promise<{ ok: boolean; said: string }> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
    return { ok: response.ok, said: await response.text() };
  } catch {
    // Also when it is killed or frozen in the middle of its response.
    return { ok: false, said: 'it does not respond' };
  }
}

async function untilReady(name: string, url: string, running: TestProcess, logFile: string): Promise<void> {
  const deadline = Date.now() + readyMs;
  for (;;) {
    const { ok, said } = await askReadiness(url);
    if (ok) return;
    if (running.hasEnded() || Date.now() > deadline) {
      const tail = running.output().split('\n').slice(-10).join('\n');
      throw new Error(
        `${name} ${running.hasEnded() ? 'has ended' : `is not ready: ${said}`}; its log is ${logFile}:\n${tail}`,
      );
    }
    await sleep(50);
  }
}

async function readMetrics(url: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** Sums the metrics of one name that have all of these attributes. */
export function sumOf(
  metrics: ReadonlyMap<string, number>,
  name: string,
  attributes: Readonly<Record<string, string>> = {},
): number {
  const wanted = Object.entries(attributes).map(([key, value]) => `${key}="${value}"`);
  return [...metrics]
    .filter(([key]) => key.startsWith(`${name}{`) && wanted.every((attribute) => key.includes(attribute)))
    .reduce((sum, [, value]) => sum + value, 0);
}
