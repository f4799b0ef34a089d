import {
  commonSettings,
  defineSettings,
  durationMs,
  infrastructureSettings,
  origins,
  port,
  positiveInteger,
  url,
} from '@orderflow/runtime';
import { z } from 'zod';

/** What a process of the order service can be; one process may be several. */
export const roles = ['api', 'worker', 'relay', 'saga', 'view'] as const;

/** One of the `roles`. */
export type Role = (typeof roles)[number];

/** Where a process listens when `PORT` is not set: the port of its first role. */
export const rolePorts: Record<Role, number> = {
  api: 8001,
  relay: 8011,
  worker: 8012,
  saga: 8013,
  view: 8014,
};

/** Settings of the order service. */
export const settings = defineSettings({
  ...commonSettings,
  ...infrastructureSettings,
  port: {
    env: 'PORT',
    schema: port.optional(),
    description: `Where RPC, health and metrics are served; 0 takes a free port. Not set: ${Object.entries(
      rolePorts,
    )
      .map(([role, number]) => `${role} ${number}`)
      .join(', ')}.`,
  },
  customerApiUrl: {
    env: 'CUSTOMER_API_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8005',
    description: 'The enrichment API for customers: orderflow.enrichment.v1.CustomerService over gRPC.',
  },
  productApiUrl: {
    env: 'PRODUCT_API_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8005',
    description: 'The enrichment API for products: orderflow.enrichment.v1.ProductService over gRPC.',
  },
  enrichmentTryTimeoutMs: {
    env: 'ENRICHMENT_TRY_TIMEOUT',
    schema: durationMs,
    default: '4s',
    description: 'How long one try of an enrichment call may take.',
  },
  enrichmentDeadlineMs: {
    env: 'ENRICHMENT_DEADLINE',
    schema: durationMs,
    default: '10s',
    description: 'How long an enrichment call may take with all its retries.',
  },
  inventoryUrl: {
    env: 'INVENTORY_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8002',
    description:
      'Where stock is looked at before an order is taken: orderflow.inventory.v1.InventoryService over gRPC.',
  },
  corsOrigins: {
    env: 'CORS_ORIGINS',
    schema: origins.optional(),
    example: 'https://shop.example',
    description:
      'Pages of these origins may call the API from a browser, separated by commas; * for all. Not set: none.',
  },
  pendingDeadlineMs: {
    env: 'PENDING_DEADLINE',
    schema: durationMs,
    default: '15m',
    description:
      'How long an order may wait for its decision before it needs attention; it is never cancelled for that.',
  },
  orderDeadlineMs: {
    env: 'ORDER_DEADLINE',
    schema: durationMs,
    default: '30m',
    description:
      'How long stock and payment may take from the decision on; asked again at half of it, cancelled at its end.',
  },
  settleDeadlineMs: {
    env: 'SETTLE_DEADLINE',
    schema: durationMs,
    default: '10m',
    description:
      'How long a paid or cancelled order may take to come to its end before it is asked for again, and then needs attention.',
  },
  sliceSize: {
    env: 'SLICE_SIZE',
    schema: positiveInteger,
    default: '500',
    description: 'How many records of a partition are decided in one transaction.',
  },
  sessionTimeoutMs: {
    env: 'KAFKA_SESSION_TIMEOUT',
    schema: durationMs,
    default: '30s',
    description: 'How long Kafka waits for a silent consumer before its partitions go to others.',
  },
  currency: {
    env: 'CURRENCY',
    schema: z.string('a currency code such as USD').regex(/^[A-Z]{3}$/, 'a currency code such as USD'),
    default: 'USD',
    description:
      'The one currency that orders are priced in; it must have two decimals. Stored totals are in it: it stays as it is.',
  },
  taxBasisPoints: {
    env: 'TAX_BASIS_POINTS',
    schema: z.coerce
      .number('a whole number from 0 to 10000')
      .int('a whole number from 0 to 10000')
      .min(0, 'a whole number from 0 to 10000')
      .max(10_000, 'a whole number from 0 to 10000'),
    default: '800',
    description: 'The tax on the subtotal in hundredths of a percent: 800 is 8 %.',
  },
});
