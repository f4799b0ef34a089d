import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { createRpcServer, rpcError } from '@orderflow/rpc';
import { createHealth, createMetrics } from '@orderflow/runtime';
import { silent } from './stack-kit.ts';

/** An inventory service over gRPC that has what a test puts into it, and 0 of everything else. */
export async function fakeInventory() {
  const available = new Map<string, bigint>();
  const calls: string[][] = [];
  /** `responses`: settled when a call is to get its response. */
  const state = { down: false, responses: Promise.resolve() };
  const metrics = createMetrics({ service: 'fake' });
  const server = createRpcServer({
    service: 'fake',
    host: '127.0.0.1',
    port: 0,
    services: [InventoryService],
    routes(router) {
      router.service(InventoryService, {
        async batchGetStock({ productIds }) {
          calls.push(productIds);
          if (state.down) throw rpcError('DEPENDENCY_UNAVAILABLE', 'down');
          await state.responses;
          return {
            stock: productIds.map((productId) => ({ productId, available: available.get(productId) ?? 0n })),
          };
        },
      });
    },
    health: createHealth([]),
    prometheus: metrics.prometheus,
    logger: silent,
    drainMs: 0,
    graceMs: 1_000,
  });
  await server.start();
  return { available, calls, state, url: `http://127.0.0.1:${server.port}`, stop: server.stop };
}
