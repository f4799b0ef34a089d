import { createClient } from '@connectrpc/connect';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { createRpcTransport } from '@orderflow/rpc';
import type { Component, Logger, Meter } from '@orderflow/runtime';
import type { Redis } from 'ioredis';
import type { Enrichment } from '../../ports.ts';
import { createEnrichment } from './enrichment.ts';

interface Options {
  readonly customerApiUrl: string;
  readonly productApiUrl: string;
  readonly tryTimeoutMs: number;
  readonly deadlineMs: number;
  readonly redis: Redis;
  /** Stands in front of every key in Redis. */
  readonly prefix: string;
  readonly currency: string;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly meter: Meter;
}

/** The enrichment API behind its cache, over connections that the component closes. */
export function connectEnrichment(options: Options): { enrichment: Enrichment; component: Component } {
  const { tryTimeoutMs, deadlineMs, redis, prefix, currency, now, logger, meter } = options;
  const connect = (name: string, baseUrl: string) =>
    createRpcTransport({
      name,
      baseUrl,
      policies: { tryTimeoutMs, totalTimeoutMs: deadlineMs },
      logger,
      meter,
    });
  const customerApi = connect('customers', options.customerApiUrl);
  const productApi = connect('products', options.productApiUrl);
  return {
    enrichment: createEnrichment({
      customers: createClient(CustomerService, customerApi),
      products: createClient(ProductService, productApi),
      redis,
      prefix,
      currency,
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
