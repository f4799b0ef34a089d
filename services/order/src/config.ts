import { hasTwoDecimals } from '@orderflow/contracts';
import {
  authSettings,
  commonSettings,
  consumerSettings,
  defineSettings,
  durationMs,
  infrastructureSettings,
  origins,
  port,
  url,
} from '@orderflow/runtime';
import { z } from 'zod';

/** The roles of a process of the order service; one process may have several. */
export const roles = ['api', 'worker', 'relay', 'saga', 'view'] as const;

/** One of the `roles`. */
export type Role = (typeof roles)[number];

/** The default of `PORT`: the port of the process's first role. */
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
  ...authSettings,
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
    description: 'How long one attempt of an enrichment call may take.',
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
      'Where stock is checked before an order is stored: orderflow.inventory.v1.InventoryService over gRPC.',
  },
  paymentUrl: {
    env: 'PAYMENT_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8003',
    description:
      'Where payments are read and refunded for callers of REST: orderflow.payment.v1.PaymentService over gRPC.',
  },
  notificationUrl: {
    env: 'NOTIFICATION_URL',
    schema: url('http', 'https'),
    default: 'http://localhost:8004',
    description:
      'Where mails are read and messages are sent for callers of REST: orderflow.notification.v1.NotificationService over gRPC.',
  },
  corsOrigins: {
    env: 'CORS_ORIGINS',
    schema: origins.optional(),
    example: 'https://shop.example',
    description:
      'Web origins that may call the API from a browser, separated by commas; * for all. Not set: none.',
  },
  maxWatchers: {
    env: 'MAX_WATCHERS',
    schema: z.coerce
      .number('a whole number from 0 to 100000')
      .int('a whole number from 0 to 100000')
      .min(0, 'a whole number from 0 to 100000')
      .max(100_000, 'a whole number from 0 to 100000'),
    default: '2000',
    description: 'The maximum number of watches (WatchOrder, WatchOrders) that an API process has open.',
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
      'How long inventory and payment may take after the decision; the order is requeried at half of it and cancelled at its end.',
  },
  settleDeadlineMs: {
    env: 'SETTLE_DEADLINE',
    schema: durationMs,
    default: '10m',
    description:
      'How long a paid or cancelled order may take to finish before it is requeried; after the same time again it needs attention.',
  },
  ...consumerSettings,
  currency: {
    env: 'CURRENCY',
    schema: z
      .string()
      .refine(hasTwoDecimals, 'the ISO 4217 code of a currency with two decimals, such as USD'),
    default: 'USD',
    description:
      'The currency of all orders; it must have two decimals. Stored in the database by the first start, which later starts must match.',
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
