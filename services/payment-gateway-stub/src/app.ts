import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { Fault_Kind, FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { createFaults } from '@orderflow/faults';
import { createRpcServer } from '@orderflow/rpc';
import {
  type Component,
  createHealth,
  createLogger,
  createMetrics,
  describeConfig,
  type Health,
  type Logger,
} from '@orderflow/runtime';
import { createPostgres, isPostgresOutage } from '@orderflow/storage';
import { type Config, settings } from './config.ts';
import { Refusal } from './domain/refusal.ts';
import { askedIds } from './inbound/faults/asked-ids.ts';
import { gatewayHandlers } from './inbound/rpc/gateway-handlers.ts';
import { migrations } from './migrations/index.ts';
import { ChargeRow, LedgerHeadRow, LedgerRow } from './outbound/postgres/entities.ts';
import { ledgerReader, ledgerTransactions } from './outbound/postgres/ledger.ts';

const service = 'payment-gateway-stub';

/** How long the server says "not ready" before it takes no more calls. */
const drainMs = 200;

/** What a test may put in place of the real thing. */
export interface Overrides {
  readonly logger?: Logger;
}

/** The whole service, not yet started. */
export interface App {
  /** In the order in which they start. */
  readonly components: readonly Component[];
  readonly health: Health;
  readonly logger: Logger;
  /** Where it listens; throws before the start. */
  readonly port: () => number;
}

/** Puts the service together. */
export function createApp(config: Config, overrides: Overrides = {}): App {
  const now = () => new Date();
  const logger = overrides.logger ?? createLogger({ service, level: config.logLevel });
  const metrics = createMetrics({ service });
  logger.info({ config: describeConfig(settings, config) }, 'configuration');

  const { orm, component: database } = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}gateway`,
    applicationName: service,
    entities: [ChargeRow, LedgerRow, LedgerHeadRow],
    migrations,
    logger,
  });
  const faults = createFaults({
    services: [GatewayService],
    askedIds,
    ownKinds: [Fault_Kind.TEMPORARY_DECLINE],
    random: Math.random,
  });
  const handlers = gatewayHandlers({
    inTransaction: ledgerTransactions(orm, now),
    reader: ledgerReader(orm),
    rule: config,
    declinesNow: (ids) => faults.faultOf('Charge', ids)?.kind === Fault_Kind.TEMPORARY_DECLINE,
  });

  const health = createHealth([database]);
  const server = createRpcServer({
    service,
    host: config.host,
    port: config.port,
    routes(router) {
      router.service(GatewayService, faults.misbehave(GatewayService, handlers));
      router.service(FaultService, faults.handlers);
    },
    services: [GatewayService, FaultService],
    refusal: Refusal,
    isOutage: isPostgresOutage,
    health,
    prometheus: metrics.prometheus,
    logger,
    meter: metrics.meter,
    drainMs,
    // The rest of the time is for what stops after the server.
    graceMs: config.shutdownGraceMs / 2,
  });

  return {
    components: [metrics.component, database, server],
    health,
    logger,
    port: () => server.port,
  };
}
