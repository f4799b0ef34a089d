import { createClient } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { createRpcTransport } from '@orderflow/rpc';
import { createLogger, loadConfig, runComponents } from '@orderflow/runtime';
import { createPostgres, type Postgres } from '@orderflow/storage';
import { testStack, uniqueName } from '@orderflow/testing';
import { createApp } from '../src/app.ts';
import { type Config, settings } from '../src/config.ts';
import { migrations } from '../src/migrations/index.ts';
import { ChargeRow, LedgerHeadRow, LedgerRow } from '../src/outbound/postgres/entities.ts';

/** Says nothing: the migrator is talkative. */
const quietLogger = createLogger({ service: 'test', level: 'silent' });

/** Settings for the shared stack with a database of its own; no charge is declined unless the test says so. */
export function testConfig(env: NodeJS.ProcessEnv = {}): Config {
  return loadConfig(settings, {
    POSTGRES_URL: testStack().urls.POSTGRES_URL,
    DATABASE_PREFIX: `${uniqueName('gateway')}_`,
    GATEWAY_DECLINED_PERCENT: '0',
    PORT: '0',
    SHUTDOWN_GRACE: '4s',
    ...env,
  });
}

/** The database of a gateway, not yet connected; of an earlier version with the migrations of then. */
export function databaseOf(config: Config, upTo = migrations): Postgres {
  return createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}gateway`,
    applicationName: 'test',
    entities: [ChargeRow, LedgerRow, LedgerHeadRow],
    migrations: upTo,
    logger: quietLogger,
  });
}

/** The whole gateway in this process, with clients that neither retry nor open a circuit. */
export async function runGateway(config: Config) {
  const logger = quietLogger;
  const app = createApp(config, { logger });
  const components = runComponents(app.components, { logger, graceMs: config.shutdownGraceMs });
  await components.start();
  const baseUrl = `http://127.0.0.1:${app.server.port}`;
  // Patient: a busy machine is no failure.
  const policies = { retries: 0, breakerFailures: 1000, tryTimeoutMs: 20_000, totalTimeoutMs: 20_000 };
  const transport = createRpcTransport({ name: 'gateway', baseUrl, logger, policies });
  const gateway = createClient(GatewayService, transport);
  return {
    gateway,
    faults: createClient(FaultService, transport),
    charge: (orderId: string, n = 1, amount = 12_99n, timeoutMs = 5_000) =>
      gateway.charge(
        { key: `${orderId}:${n}`, orderId, customerId: 'c-1', amount: toMoney(amount, 'USD') },
        { timeoutMs },
      ),
    /** The movements of an order, as `CHARGE o-1:1 1299`. */
    async ledger(orderId = ''): Promise<string[]> {
      const { entries } = await gateway.listLedger({ orderId });
      return entries.map(({ kind, chargeKey, amount }) => {
        const minor = (amount?.units ?? 0n) * 100n + BigInt((amount?.nanos ?? 0) / 10_000_000);
        return `${['', 'CHARGE', 'VOID', 'REFUND'][kind]} ${chargeKey} ${minor}`;
      });
    },
    async stop() {
      transport.close();
      await components.stop();
    },
  };
}
