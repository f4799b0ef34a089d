import type { Client } from '@connectrpc/connect';
import { CustomerSchema } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import type { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductSchema } from '@orderflow/contracts/orderflow/enrichment/v1/product';
import type { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { counter, type Logger, type Meter } from '@orderflow/runtime';
import type { Redis } from 'ioredis';
import { metric } from '../../metrics.ts';
import type { Enrichment } from '../../ports.ts';
import { customerUpstream, productUpstream } from './enrichment-api.ts';
import { createEnrichmentCache, type Staleness } from './enrichment-cache.ts';
import { createKindLookup, type LookupCounts } from './lookup.ts';

const hour = 3_600_000;

/** Customers change rarely, and their changes are published; changes of prices are not. */
export const staleness: Record<'customer' | 'product', Staleness> = {
  customer: { freshMs: hour, usableMs: 7 * 24 * hour },
  product: { freshMs: hour, usableMs: 2 * hour },
};

interface Dependencies {
  readonly customers: Client<typeof CustomerService>;
  readonly products: Client<typeof ProductService>;
  readonly redis: Redis;
  /** The prefix of every key in Redis. */
  readonly prefix: string;
  readonly currency: string;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly meter: Meter;
}

/** Creates the lookups of customers and products: the enrichment API behind its cache. */
export function createEnrichment(dependencies: Dependencies): Enrichment {
  const { customers, products, redis, prefix, currency, now, logger, meter } = dependencies;
  const cached = counter(meter, metric.enrichmentCache);
  const calls = counter(meter, metric.enrichmentUpstreamCalls);
  const counts: LookupCounts = {
    cache: (kind, result, count) => cached.add(count, { kind, result }),
    upstream: (kind, outcome) => calls.add(1, { kind, outcome }),
  };
  const onError = (error: unknown) =>
    logger.debug({ err: error }, 'enrichment cache unavailable; continuing without it');

  const customerApi = customerUpstream(customers);
  const customerCache = createEnrichmentCache(
    redis,
    customerApi,
    CustomerSchema,
    { prefix, staleness: staleness.customer },
    now,
    onError,
  );
  const productApi = productUpstream(products, currency);
  const productCache = createEnrichmentCache(
    redis,
    productApi,
    ProductSchema,
    { prefix, staleness: staleness.product },
    now,
    onError,
  );
  const customerLookup = createKindLookup(customerApi, customerCache, counts, now);
  const productLookup = createKindLookup(productApi, productCache, counts, now);
  return {
    customers: (ids, options) => customerLookup.lookUp(ids, options),
    products: (references, options) => productLookup.lookUp(references, options),
  };
}
