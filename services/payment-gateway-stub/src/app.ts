import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { Fault_Kind, FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { createFaults } from '@orderflow/faults';
import { refusalErrors } from '@orderflow/rpc';
import type { Logger } from '@orderflow/runtime';
import { type App, openService } from '@orderflow/service';
import { createPostgres } from '@orderflow/storage';
import { type Config, settings } from './config.ts';
import { Refusal } from './domain/refusal.ts';
import { requestedIds } from './inbound/faults/requested-ids.ts';
import { errorReasons } from './inbound/rpc/error-reasons.ts';
import { gatewayHandlers } from './inbound/rpc/gateway-handlers.ts';
import { migrations } from './migrations/index.ts';
import { ChargeRow, LedgerHeadRow, LedgerRow } from './outbound/postgres/entities.ts';
import { ledgerReader, ledgerTransactions } from './outbound/postgres/ledger.ts';

const service = 'payment-gateway-stub';

/** Replacements for real dependencies in tests. */
export interface Overrides {
  readonly logger?: Logger;
}

/** Creates the service: the only place that knows every concrete part. */
export function createApp(config: Config, overrides: Overrides = {}): App {
  const skeleton = openService({ service, settings, config, ...overrides });
  const { logger } = skeleton;

  const {
    component: postgres,
    database,
    now,
  } = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}gateway`,
    applicationName: service,
    entities: [ChargeRow, LedgerRow, LedgerHeadRow],
    migrations,
    logger,
  });
  const faults = createFaults({
    services: [GatewayService],
    requestedIds,
    ownKinds: [Fault_Kind.TEMPORARY_DECLINE],
    random: Math.random,
  });
  const handlers = gatewayHandlers({
    inTransaction: ledgerTransactions(database, now),
    reader: ledgerReader(database),
    rule: config,
    declinesNow: (ids) => faults.faultOf('Charge', ids)?.kind === Fault_Kind.TEMPORARY_DECLINE,
  });

  return skeleton.createApp({
    parts: [postgres],
    port: config.port,
    routes(router) {
      router.service(GatewayService, faults.misbehave(GatewayService, handlers));
      router.service(FaultService, faults.handlers);
    },
    services: [GatewayService, FaultService],
    refusalError: refusalErrors(Refusal, errorReasons),
    reasons: errorReasons,
  });
}
