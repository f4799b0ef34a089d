import { createClient } from '@connectrpc/connect';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { createRpcTransport, type OwnTokens } from '@orderflow/rpc';
import type { Component, Logger, Meter } from '@orderflow/runtime';
import type { Redis } from 'ioredis';
import type { Enrichment } from '../../ports.ts';
import { createEnrichment } from './enrichment.ts';

interface Options {
  readonly config: {
    readonly customerApiUrl: string;
    readonly productApiUrl: string;
    readonly enrichmentTryTimeoutMs: number;
    readonly enrichmentDeadlineMs: number;
    readonly topicPrefix: string;
    readonly currency: string;
  };
  readonly redis: Redis;
  readonly ownTokens: OwnTokens | undefined;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly meter: Meter;
}

/** Creates the enrichment API client with its cache; the component closes its connections. */
export function connectEnrichment({ config, redis, ownTokens, now, logger, meter }: Options): {
  enrichment: Enrichment;
  component: Component;
} {
  const policies = {
    tryTimeoutMs: config.enrichmentTryTimeoutMs,
    totalTimeoutMs: config.enrichmentDeadlineMs,
  };
  const connect = (name: string, baseUrl: string) =>
    createRpcTransport({ name, baseUrl, policies, ownTokens, logger, meter });
  const customerApi = connect('customers', config.customerApiUrl);
  const productApi = connect('products', config.productApiUrl);
  return {
    enrichment: createEnrichment({
      customers: createClient(CustomerService, customerApi),
      products: createClient(ProductService, productApi),
      redis,
      prefix: config.topicPrefix,
      currency: config.currency,
      now,
      logger,
      meter,
    }),
    component: {
      name: 'enrichment-api',
      start: async () => {},
      stop: async () => {
        customerApi.close();
        productApi.close();
      },
    },
  };
}
