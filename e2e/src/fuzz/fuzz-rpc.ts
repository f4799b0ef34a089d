import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { ServerReflection } from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { CatalogService } from '@orderflow/contracts/orderflow/order/v1/catalog_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import type { ServiceName, System } from '@orderflow/local/system';
import fc from 'fast-check';
import { createRawCaller, type Outcome } from './call.ts';
import { encodedMessages } from './message-bytes.ts';

/** The services, without health and reflection. Not fuzzed: FaultService, which exists to break its process. */
const served: Partial<Record<ServiceName, readonly DescService[]>> = {
  'order-api': [OrderService, CatalogService],
  inventory: [InventoryService],
  payment: [PaymentService],
  notification: [NotificationService],
  'enrichment-stub': [CustomerService, ProductService],
  'payment-gateway-stub': [GatewayService],
};

/** The number of responses of one method by outcome. */
export type Outcomes = ReadonlyMap<string, number>;

/** Outcomes that are bugs. */
const bugs: ReadonlySet<Outcome> = new Set<Outcome>([Code.Internal, Code.Unknown, Code.DataLoss]);

/**
 * Calls every method of every service with generated requests, in all protocols.
 * @param options.cases the number of requests per method.
 * @returns the outcomes by method (`package.Service/Method`).
 * @throws when a call returns INTERNAL or UNKNOWN, or nothing: with the smallest such request, and the seed.
 */
export async function fuzzRpc(
  { services }: System,
  { cases, seed }: { cases: number; seed: number },
): Promise<ReadonlyMap<string, Outcomes>> {
  const results = new Map<string, Outcomes>();
  await Promise.all(
    Object.entries(served).map(async ([name, own], index, { length: processes }) => {
      const caller = createRawCaller(services[name as ServiceName].url);
      try {
        for (const method of [...own, Health, ServerReflection].flatMap(({ methods }) => methods)) {
          const path = `${method.parent.typeName}/${method.name}`;
          const isOwn = own.includes(method.parent);
          // They all run the same code: each gets a part of the cases, with its own inputs.
          const options = isOwn
            ? { cases, seed }
            : { cases: Math.ceil(cases / processes), seed: seed + index };
          results.set(isOwn ? path : `${path} of ${name}`, await fuzzMethod(method, caller.call, options));
        }
      } finally {
        caller.close();
      }
    }),
  );
  return results;
}

async function fuzzMethod(
  method: DescMethod,
  call: ReturnType<typeof createRawCaller>['call'],
  { cases, seed }: { cases: number; seed: number },
): Promise<Outcomes> {
  const isUnary = method.methodKind === 'unary';
  const path = `/${method.parent.typeName}/${method.name}`;
  const outcomes = new Map<string, number>();
  const calls = fc.record({
    message: encodedMessages(method.input),
    protocol: fc.constantFrom('connect' as const, 'grpc' as const, 'grpc-web' as const),
    gzip: fc.boolean(),
  });
  const holds = fc.asyncProperty(calls, async ({ message, protocol, gzip }) => {
    const outcome = await call({ ...message, path, isUnary, protocol, gzip });
    const name = outcome === 'ok' ? outcome : codeToString(outcome);
    outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    if (bugs.has(outcome)) throw new Error(`returned ${name}`);
  });
  // A stream lasts until its deadline, so there are fewer of them.
  try {
    await fc.assert(holds, { seed, numRuns: isUnary ? cases : Math.ceil(cases / 25) });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const cause = error.cause instanceof Error ? error.cause.message : String(error.cause);
    throw new Error(`${path}: ${cause}\n${error.message}`, { cause: error });
  }
  return outcomes;
}
