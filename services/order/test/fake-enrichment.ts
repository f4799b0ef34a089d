import { toMoney } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { Product_State } from '@orderflow/contracts/orderflow/enrichment/v1/product';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { createRpcServer, rpcError } from '@orderflow/rpc';
import { createHealth, createMetrics } from '@orderflow/runtime';
import type { Customer, Product } from '../src/domain/enrichment.ts';
import { silent } from './stack-kit.ts';

/** An enrichment API over gRPC that knows what a test puts into it. */
export async function fakeEnrichment() {
  const customers = new Map<string, Customer>();
  const products = new Map<string, Product>();
  const state = { down: false };
  const answering = () => {
    if (state.down) throw rpcError('DEPENDENCY_UNAVAILABLE', 'down');
  };
  const metrics = createMetrics({ service: 'fake' });
  const server = createRpcServer({
    service: 'fake',
    host: '127.0.0.1',
    port: 0,
    services: [CustomerService, ProductService],
    routes(router) {
      router.service(CustomerService, {
        batchGetCustomers({ customerIds }) {
          answering();
          return {
            customers: customerIds.flatMap((id) => customers.get(id) ?? []),
            notFoundCustomerIds: customerIds.filter((id) => !customers.has(id)),
          };
        },
      });
      router.service(ProductService, {
        batchGetProducts({ productIds, skus }) {
          answering();
          const all = [...products.values()];
          const wanted = all.filter(
            ({ productId, sku }) => productIds.includes(productId) || skus.includes(sku),
          );
          return {
            products: wanted.map((product) => ({
              productId: product.productId,
              sku: product.sku,
              name: product.name,
              description: product.description,
              price: toMoney(product.price, 'USD'),
              state: product.retired ? Product_State.RETIRED : Product_State.ACTIVE,
              version: product.version,
            })),
            notFoundProductIds: productIds.filter((id) => !wanted.some(({ productId }) => productId === id)),
            notFoundSkus: skus.filter((value) => !wanted.some(({ sku }) => sku === value)),
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
  return { customers, products, state, url: `http://127.0.0.1:${server.port}`, stop: server.stop };
}
