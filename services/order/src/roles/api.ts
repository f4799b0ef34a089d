import { createClient, type ServiceImpl } from '@connectrpc/connect';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import type { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createRpcTransport } from '@orderflow/rpc';
import { type Component, coalesce } from '@orderflow/runtime';
import { findResponse, isPostgresOutage, responseExpiry } from '@orderflow/storage';
import type { Submission } from '../domain/submission.ts';
import { readChange } from '../inbound/kafka/read-change.ts';
import { orderHandlers } from '../inbound/rpc/order-handlers.ts';
import { sagaHandlers } from '../inbound/rpc/saga-handlers.ts';
import { watchHandlers } from '../inbound/rpc/watch-handlers.ts';
import { createWatcherLimit } from '../inbound/rpc/watcher-limit.ts';
import { toWireOrder } from '../inbound/rpc/wire.ts';
import { createTransitionReport } from '../inbound/transition-report.ts';
import { createInventoryStock } from '../outbound/inventory/inventory-stock.ts';
import { createOrderChanges } from '../outbound/kafka/order-changes.ts';
import { createOrderIntake } from '../outbound/postgres/order-intake.ts';
import { createOrderReader } from '../outbound/postgres/order-reader.ts';
import { createOrderTransactions } from '../outbound/postgres/order-transactions.ts';
import type { Enrichment } from '../ports.ts';
import { getOrder } from '../use-cases/get-order.ts';
import { judgeAll } from '../use-cases/judge-all.ts';
import { createPrecheckOrder } from '../use-cases/precheck-order.ts';
import { limitsOf, type Shared, termsOf } from './shared.ts';

/** The time limit after which inventory counts as unavailable; the precheck waits for less. */
const stockPolicies = { tryTimeoutMs: 1_000, totalTimeoutMs: 1_000, retries: 0 };

/** How judging of single orders is coalesced. */
const coalescing = { maxItems: 100, maxWaitMs: 10 };

/** Creates, reads and cancels orders over RPC. */
export function apiRole(
  { config, database, kafka, ownTokens, logger, meter, now, overrides }: Shared,
  enrichment: Enrichment,
): { components: Component[]; handlers: Partial<ServiceImpl<typeof OrderService>> } {
  const inventory = createRpcTransport({
    name: 'inventory',
    baseUrl: config.inventoryUrl,
    policies: stockPolicies,
    ownTokens,
    logger,
    meter,
  });
  const stock =
    overrides.stock ??
    createInventoryStock(createClient(InventoryService, inventory), (error) =>
      logger.debug({ err: error }, 'reading stock failed; continuing without it'),
    );
  const judge = coalesce(async (submissions: readonly Submission[]) => {
    const verdicts = await judgeAll(submissions, enrichment, termsOf(config));
    return submissions.map((submission) => verdicts.get(submission));
  }, coalescing);
  const { currency, pendingDeadlineMs } = config;
  const reader = createOrderReader(database);
  const { changes, component: orderChanges } = createOrderChanges({
    ...{ kafka, read: readChange, sessionTimeoutMs: config.sessionTimeoutMs, logger, meter },
    limits: overrides.changeLogLimits,
  });
  return {
    components: [
      { name: 'inventory-api', start: async () => {}, stop: async () => inventory.close() },
      responseExpiry({ database, now, logger }),
      orderChanges,
    ],
    handlers: {
      ...orderHandlers({
        inIntake: createOrderIntake(database, { pendingDeadlineMs, now }),
        isOutage: isPostgresOutage,
        findResponse: (request) => findResponse(database, request),
        reader,
        precheck: createPrecheckOrder({
          judge,
          stock,
          onError: (error) =>
            logger.error({ err: error }, 'prechecking orders failed; continuing without the precheck'),
        }),
        checkLimitMs: overrides.checkLimitMs,
        currency,
      }),
      ...watchHandlers({
        ...{ changes, reader, currency, times: overrides.watchTimes },
        limit: createWatcherLimit(config.maxWatchers, logger, meter),
      }),
      ...sagaHandlers({
        inTransaction: createOrderTransactions(database, { currency, now }),
        read: async (transaction, orderId) => toWireOrder(await getOrder(transaction, orderId), currency),
        limits: limitsOf(config),
        report: createTransitionReport(meter, logger, now),
      }),
    },
  };
}
