import { createClient } from '@connectrpc/connect';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createRpcTransport, type RpcTransport } from '@orderflow/rpc';
import { loadConfig, runComponents } from '@orderflow/runtime';
import { createPostgres } from '@orderflow/storage';
import { testStack, uniqueName } from '@orderflow/testing';
import { createApp, type Overrides } from '../src/app.ts';
import { type Role, settings } from '../src/config.ts';
import { OrderHistoryRow, OrderRow } from '../src/outbound/postgres/entities.ts';
import { createOrderStore } from '../src/outbound/postgres/order-store.ts';
import { fakeEnrichment } from './fake-enrichment.ts';
import { fakeInventory } from './fake-inventory.ts';
import { customer, productOf } from './kit.ts';
import { limits } from './saga-kit.ts';
import { silent } from './stack-kit.ts';

/** No process listens there. */
export const nowhere = '127.0.0.1:9';

/** Customers c-1 and c-2, products p-1 … p-3 (LAPTOP001 is p-1) with 15 of each, and some that cannot be ordered. */
async function neighbours() {
  const [enrichment, inventory] = await Promise.all([fakeEnrichment(), fakeInventory()]);
  for (const id of ['c-1', 'c-2']) enrichment.customers.set(id, customer({ customerId: id }));
  enrichment.customers.set('c-inactive', customer({ customerId: 'c-inactive', active: false }));
  enrichment.products.set('p-1', productOf('p-1', { sku: 'LAPTOP001' }));
  for (const id of ['p-2', 'p-3']) enrichment.products.set(id, productOf(id));
  enrichment.products.set('p-retired', productOf('p-retired', { retired: true }));
  for (const id of enrichment.products.keys()) inventory.available.set(id, 15n);
  return { enrichment, inventory };
}

/** The order API in this process, with neighbours of its own; and with other roles, if wanted. */
export async function runApi(
  env: NodeJS.ProcessEnv = {},
  roles: readonly [Role, ...Role[]] = ['api'],
  overrides: Overrides = {},
) {
  const { enrichment, inventory } = await neighbours();
  const name = uniqueName('api');
  const config = loadConfig(settings, {
    ...testStack().urls,
    TOPIC_PREFIX: `${name}.`,
    DATABASE_PREFIX: `${name}_`,
    CUSTOMER_API_URL: enrichment.url,
    PRODUCT_API_URL: enrichment.url,
    INVENTORY_URL: inventory.url,
    PAYMENT_URL: `http://${nowhere}`,
    KAFKA_SESSION_TIMEOUT: '3s',
    PORT: '0',
    ...env,
  });
  const app = await createApp(config, roles, { logger: silent, ...overrides });
  const running = runComponents(app.components, { logger: silent, graceMs: 20_000 });
  await running.start();
  const baseUrl = `http://127.0.0.1:${app.server.port}`;

  const transports: RpcTransport[] = [];
  const connect = () => {
    const policies = { retries: 0, breakerFailures: 10_000, totalTimeoutMs: 20_000, tryTimeoutMs: 20_000 };
    const transport = createRpcTransport({ name: 'orders', baseUrl, logger: silent, policies });
    transports.push(transport);
    return createClient(OrderService, transport);
  };
  const database = `${config.databasePrefix}order_service`;
  const direct = openPostgres(database);
  const orders = connect();
  return {
    config,
    /** The name of its database. */
    database,
    baseUrl,
    enrichment,
    inventory,
    orders,
    /** Creates an order of one product. */
    place: (orderId: string) =>
      orders.createOrder({
        orderId,
        customerId: 'c-1',
        lines: [{ reference: { case: 'productId', value: 'p-1' }, quantity: 1n }],
      }),
    /** One more client, over a connection of its own. */
    connect,
    query: <Row>(sql: string, ...parameters: unknown[]) => direct.query<Row>(sql, parameters),
    /** Decides orders as the worker does. */
    store: createOrderStore(direct, { currency: 'USD', limits }),
    async [Symbol.asyncDispose]() {
      for (const transport of transports) transport.close();
      await running.stop();
      await direct[Symbol.asyncDispose]();
      await Promise.all([enrichment.stop(), inventory.stop()]);
    },
  };
}

/** A way to the order service's database past the service, and past whatever stands between the two. */
export function openPostgres(name: string) {
  const { database, component } = createPostgres({
    url: testStack().urls.POSTGRES_URL,
    database: name,
    applicationName: 'test',
    entities: [OrderRow, OrderHistoryRow],
    migrations: [],
    logger: silent,
  });
  return { ...database, [Symbol.asyncDispose]: () => component.stop() };
}

/** What the caller says of itself. */
export const as = (callerId: string) => ({ headers: { 'x-caller-id': callerId } });
