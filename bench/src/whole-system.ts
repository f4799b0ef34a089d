import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { memorySettings } from '@orderflow/local/system';
import pg from 'pg';
import { connectBroker } from './consumer-run.ts';
import { type Bench, onFreshSystem } from './on-fresh-system.ts';
import { ordersOfEverything, population } from './orders.ts';
import { type SagaBench, sendBacklog } from './saga-loads.ts';

/** What every process imports first. */
const preloaded = ['./programs/count-requests.ts', './programs/delay-responses.ts'];

/** What differs between benchmarks of whole orders. */
interface Options {
  readonly title: string;
  /** Runs before the services start. */
  readonly prepare?: (bench: Bench) => Promise<void>;
}

/**
 * Runs a benchmark of whole orders on a new system whose processes count their requests. It begins with every product
 * on stock, every customer and product in the cache, and 5,000 orders completed.
 */
export function onWholeSystem<Measured>(
  { title, prepare = async () => {} }: Options,
  measure: (bench: SagaBench) => Promise<Measured>,
): Promise<Measured> {
  const env = {
    KAFKA_SESSION_TIMEOUT: '30s',
    LOG_LEVEL: 'warn',
    GATEWAY_DECLINED_PERCENT: '0',
    NODE_OPTIONS: [
      memorySettings.NODE_OPTIONS,
      ...preloaded.map((program) => `--import ${import.meta.resolve(program)}`),
    ].join(' '),
  };
  return onFreshSystem({ title, env }, async (bench) => {
    const { stack, system, say } = bench;
    await prepare(bench);
    // Started twice: a process that strips the types of a file itself keeps the compiler in its memory. Those of the
    // image find every file compiled, and so does every start but the first after a change.
    await system.start();
    await system.stop();
    await system.start();
    const pool = new pg.Pool({
      connectionString: `${stack.urls.POSTGRES_URL}/order_service`,
      max: 1,
      // It stays open: a benchmark may have changed its settings.
      idleTimeoutMillis: 0,
    });
    // Postgres ends it before the pool is closed when the benchmark fails.
    pool.on('error', () => {});
    const broker = await connectBroker(stack.urls.KAFKA_BROKERS);
    try {
      say('stocking every product, and filling the cache');
      await fillStock(system.services.inventory.url);
      const whole = { ...bench, pool, broker };
      await sendBacklog(whole, 'everything', ordersOfEverything('everything'));
      return await measure(whole);
    } finally {
      await Promise.all([pool.end(), broker.close()]);
    }
  });
}

/** Stocks every product, so that no order is short. */
async function fillStock(baseUrl: string): Promise<void> {
  const sessionManager = new Http2SessionManager(baseUrl);
  const inventory = createClient(InventoryService, createGrpcTransport({ baseUrl, sessionManager }));
  const set = (number: number) =>
    inventory.setStock({ productId: `p-${number}`, onHand: 1_000_000n, reason: 'benchmark' });
  for (let first = 1; first <= population.products; first += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => set(first + index)));
  }
  sessionManager.abort();
}
