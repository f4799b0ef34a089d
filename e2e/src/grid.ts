import { setTimeout as sleep } from 'node:timers/promises';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { topics } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { FaultSchema, FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { type Audit, audit } from '@orderflow/local/audit';
import { readPrices } from '@orderflow/local/catalogue';
import { makeOrders, recordOf, type TestOrder } from '@orderflow/local/orders';
import { enrichmentPath, type Service, sumOf } from '@orderflow/local/system';
import { eventually } from '@orderflow/testing';
import {
  createSecondSystem,
  createTestSystem,
  expectAllSettled,
  sendOrders,
  type TestSystem,
} from './test-system.ts';

/** A fault to inject; see `Fault` of the contract. */
type Misbehaviour = Pick<
  Exclude<MessageInitShape<typeof FaultSchema>, { readonly $typeName: string }>,
  'minLatency' | 'errorRate' | 'errorCode' | 'kind' | 'ids'
>;

/** A running system, and everything that was sent to it so far, for tests of faults. */
export interface Run extends TestSystem {
  readonly worker: Service;
  readonly stub: Service;
  readonly prices: ReadonlyMap<string, bigint>;
  /** Every order that was sent. */
  readonly sent: TestOrder[];
  readonly customers: Client<typeof CustomerService>;
  readonly faults: Client<typeof FaultService>;
  /** Makes orders of all kinds, see `makeOrders`. */
  make(prefix: string, count: number): TestOrder[];
  /** Makes a valid order of one piece of each of these products. */
  order(orderId: string, customerId: string, ...productIds: readonly string[]): TestOrder;
  send(orders: readonly TestOrder[]): Promise<void>;
  /** Sends to one partition, in order. */
  sendTo(partition: number, orders: readonly TestOrder[]): Promise<void>;
  /** Injects a fault into both of the calls that the worker makes. */
  misbehave(fault: Misbehaviour): Promise<void>;
  /** Waits until nothing is in flight, and compares every store with what was sent. */
  settle(): Promise<Audit>;
}

/** Starts a system; `name` and `env` as for `createTestSystem`. */
export async function startRun(name: string, env: Record<string, string> = {}): Promise<Run> {
  const system = await createTestSystem(name, env);
  try {
    await system.start(enrichmentPath);
    return await runOn(system);
  } catch (error) {
    await system[Symbol.asyncDispose]();
    throw error;
  }
}

async function runOn(system: TestSystem): Promise<Run> {
  const { stores, services } = system;
  const stub = services['enrichment-stub'];
  const transport = createConnectTransport({ baseUrl: stub.url, httpVersion: '1.1' });
  const faults = createClient(FaultService, transport);
  const prices = await readPrices(stub.url);
  const sent: TestOrder[] = [];
  return {
    ...system,
    stub,
    worker: services['order-worker'],
    prices,
    sent,
    customers: createClient(CustomerService, transport),
    faults,
    make: (prefix, count) => makeOrders({ prefix, count, prices }),
    order: (orderId, customerId, ...productIds) => goodOrder(prices, { orderId, customerId, productIds }),
    async send(orders) {
      sent.push(...orders);
      await sendOrders(stores, orders);
    },
    async sendTo(partition, orders) {
      sent.push(...orders);
      const messages = orders.map(({ record }) => ({ ...record, partition }));
      await stores.producer.send({ topic: `${system.env['TOPIC_PREFIX']}${topics.orders}`, messages });
    },
    async misbehave(fault) {
      for (const method of ['BatchGetCustomers', 'BatchGetProducts']) {
        await faults.setFault({ fault: create(FaultSchema, { ...fault, method }) });
      }
    },
    settle: () => expectAllSettled(stores, sent),
  };
}

function goodOrder(
  prices: ReadonlyMap<string, bigint>,
  { orderId, customerId, productIds }: { orderId: string; customerId: string; productIds: readonly string[] },
): TestOrder {
  const subtotal = productIds.reduce((sum, id) => sum + (prices.get(id) ?? 0n), 0n);
  // 8 %, half up.
  const total = subtotal + (subtotal * 800n + 5_000n) / 10_000n;
  const lines = productIds.map((productId) => ({ productId, quantity: 1 }));
  return {
    orderId,
    record: recordOf({ orderId, customerId, lines }, 'protobuf'),
    expected: { outcome: 'ACCEPTED', total },
  };
}

/** The same order, which has to be rejected for this reason only. */
export function rejectedFor(order: TestOrder, reason: string): TestOrder {
  return { ...order, expected: { outcome: 'REJECTED', reasons: [reason] } };
}

/** Another worker on the same stores, not yet started; it has its own port and log. */
export async function createSecondWorker(system: TestSystem): Promise<Service & AsyncDisposable> {
  const { services } = await createSecondSystem(system);
  const worker = services['order-worker'];
  return Object.assign(worker, { [Symbol.asyncDispose]: () => worker.stop() });
}

/** The worst state of a worker's circuits: 0 closed, 1 half-open, 2 open. */
export async function breakerState(worker: Service): Promise<number> {
  const metrics = await worker.metrics();
  const states = ['customers', 'products'].map((api) => sumOf(metrics, 'orderflow_breaker_state', { api }));
  return Math.max(...states);
}

/** The number of partitions of `orders` that a worker has paused. */
export async function pausedPartitions(worker: Service): Promise<number> {
  return sumOf(await worker.metrics(), 'orderflow_consumer_paused', { topic: topics.orders });
}

/** Takes a measurement repeatedly until it is stopped; returns all of them, without failed ones. */
export function measure(take: () => Promise<number>, everyMs = 100): { stop(): Promise<number[]> } {
  const values: number[] = [];
  const stopping = new AbortController();
  const done = (async () => {
    while (!stopping.signal.aborted) {
      await take().then(
        (value) => values.push(value),
        () => {},
      );
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await done;
      return values;
    },
  };
}

/** Waits for the document of an order. */
export function documentOf({ stores }: TestSystem, orderId: string, timeoutMs = 30_000) {
  return eventually(
    async () => {
      const document = await stores.document(orderId);
      if (document?.outcome === undefined) throw new Error(`order ${orderId} has no document yet`);
      return document;
    },
    { timeoutMs },
  );
}

/** The violations found by an audit. */
export async function violations({ stores }: TestSystem, sent: readonly TestOrder[]): Promise<string[]> {
  const { findings } = await audit(stores, sent);
  return findings.flatMap(({ rule, violations: found }) => found.map((violation) => `${rule}: ${violation}`));
}
