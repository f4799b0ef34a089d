import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { reasonToSkipPython } from '@orderflow/e2e/python';
import { createTestSystem, type TestSystem } from '@orderflow/e2e/test-system';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGo, reasonToSkipGo } from '../src/go.ts';
import { buildPython } from '../src/python.ts';

// The client programs themselves, on one call of each kind.

type Answer = Record<'code' | 'message' | 'broken', string> & {
  messages: Record<string, unknown>[];
  details: Record<string, unknown>[];
  headers: Record<string, string>;
  trailers: Record<string, string>;
};

const go = async (kind: string) => ({ command: [(await buildGo()).client, kind], env: {} });
const python = async (kind: string) => {
  const { client, env } = await buildPython();
  return { command: ['python3', client, kind], env };
};
const drivers = [
  { name: 'connect-go', kind: 'connect', build: go, skipped: reasonToSkipGo() },
  { name: 'grpc-go', kind: 'grpc', build: go, skipped: reasonToSkipGo() },
  { name: 'grpcio', kind: 'grpcio', build: python, skipped: reasonToSkipPython() },
  { name: 'connectrpc', kind: 'connectrpc', build: python, skipped: reasonToSkipPython() },
];
for (const { name, skipped } of drivers) if (skipped) console.warn(`${name} is skipped: ${skipped}`);

let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem('drivers');
  await system.start(['enrichment-stub', 'inventory', 'order-api']);
});
afterAll(() => system?.[Symbol.asyncDispose]());

async function startDriver({ command: [command = '', ...args], env }: Awaited<ReturnType<typeof go>>) {
  const program = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  createInterface({ input: program.stdout }).on('line', (line) => {
    const { id, ...answer } = JSON.parse(line);
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  let calls = 0;
  return {
    call(service: string, method: string, request: unknown, options: Record<string, unknown> = {}) {
      const { promise, resolve } = Promise.withResolvers<Answer>();
      const id = ++calls;
      waiting.set(id, resolve);
      const { url } = system.services[service.includes('order') ? 'order-api' : 'enrichment-stub'];
      program.stdin.write(
        `${JSON.stringify({ id, url, service: `orderflow.${service}`, method, request, ...options })}\n`,
      );
      return promise;
    },
    async end() {
      program.stdin.end();
      const [code] = program.exitCode === null ? await once(program, 'exit') : [program.exitCode];
      return code;
    },
  };
}

const customers = 'enrichment.v1.CustomerService';
const orders = 'order.v1.OrderService';

describe.each(drivers)('$name', { timeout: 600_000 }, ({ name, kind, build, skipped }) => {
  let driver: Awaited<ReturnType<typeof startDriver>>;
  beforeAll(async () => {
    if (!skipped) driver = await startDriver(await build(kind));
  }, 600_000);

  test.skipIf(skipped !== undefined)('makes calls of every kind, concurrently', async () => {
    const orderId = `o-${name}`;
    const created = await driver.call(orders, 'CreateOrder', {
      orderId,
      customerId: 'c-1',
      lines: [{ sku: 'LAPTOP001', quantity: '2' }],
    });
    expect(created).toMatchObject({ code: 'ok', messages: [{ order: { orderId } }] });
    const watch = (options: Record<string, unknown>, watched = orderId) =>
      driver.call(orders, 'WatchOrder', { orderId: watched }, options);
    const [found, unknown, deadline, ...canceled] = await Promise.all([
      driver.call(customers, 'GetCustomer', { customerId: 'c-1' }, { timeoutMs: 30_000 }),
      watch({}, 'o-unknown'),
      watch({ timeoutMs: 500 }),
      watch({ cancelAfterMessages: 1 }),
      watch({ cancelAfterMs: 500 }),
    ]);
    const customer = { customerId: 'c-1', active: true, version: '1' };
    expect(found).toMatchObject({ code: 'ok', message: '', details: [], messages: [{ customer }] });
    expect(found.headers['date']).toBeDefined();
    expect(unknown).toMatchObject({
      code: 'not_found',
      message: 'order o-unknown does not exist',
      messages: [],
    });
    expect(unknown.details).toEqual([
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        ...{ reason: 'ORDER_NOT_FOUND', domain: 'orderflow', metadata: { order_id: 'o-unknown' } },
      },
    ]);
    expect(deadline?.code).toBe('deadline_exceeded');
    expect(canceled.map(({ code }) => code)).toEqual(['canceled', 'canceled']);
    expect(canceled[0]?.messages).toHaveLength(1);
    const broken = await driver.call(customers, 'GetNothing', {});
    expect(broken).toEqual({ broken: expect.stringMatching(/nothing/i) });
  });

  test.skipIf(skipped !== undefined)('ends with its input, while a call is in flight', async () => {
    void driver.call(orders, 'WatchOrder', { orderId: `o-${name}` });
    expect(await driver.end()).toBe(0);
  });
});
