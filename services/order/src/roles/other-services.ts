import { createClient, type ServiceImpl } from '@connectrpc/connect';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import type { CatalogService } from '@orderflow/contracts/orderflow/order/v1/catalog_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { createRpcTransport, type Forwarded } from '@orderflow/rpc';
import type { Component } from '@orderflow/runtime';
import { catalogHandlers } from '../inbound/rpc/catalog-handlers.ts';
import type { Shared } from './shared.ts';

/**
 * Of connections of their own: callers who read or write the other services never take the place, or open the circuit,
 * of the calls that orders need. Few at a time, because each may bring a response of 16 MiB.
 */
const policies = { tryTimeoutMs: 3_000, totalTimeoutMs: 7_000, retries: 1, maxConcurrent: 8 };

/** The methods of the other services that the order API serves as REST. */
const forwarded = {
  customers: CustomerService.methods,
  // Those are of the catalogue, which has their stock as well.
  products: ProductService.methods.filter((method) => method !== ProductService.method.listProducts),
  inventory: InventoryService.methods,
  payments: PaymentService.methods,
  notifications: NotificationService.methods,
};

/** All of them, for the description of the API. */
export const forwardedMethods = Object.values(forwarded).flat();

/** What the order API serves of the other services: all of their REST paths, and the catalogue made from two of them. */
export function otherServices({ config, ownTokens, logger, meter }: Shared): {
  component: Component;
  forwarded: Forwarded[];
  catalog: ServiceImpl<typeof CatalogService>;
} {
  const connect = (name: string, baseUrl: string) =>
    createRpcTransport({ name, baseUrl, policies, ownTokens, logger, meter });
  const customers = connect('rest-customers', config.customerApiUrl);
  const products = connect('rest-products', config.productApiUrl);
  const inventory = connect('rest-inventory', config.inventoryUrl);
  const payments = connect('rest-payments', config.paymentUrl);
  const notifications = connect('rest-notifications', config.notificationUrl);
  return {
    component: {
      name: 'other-services',
      start: async () => {},
      stop: async () => {
        for (const transport of [customers, products, inventory, payments, notifications]) transport.close();
      },
    },
    forwarded: [
      { methods: forwarded.customers, transport: customers },
      { methods: forwarded.products, transport: products },
      { methods: forwarded.inventory, transport: inventory },
      { methods: forwarded.payments, transport: payments },
      { methods: forwarded.notifications, transport: notifications },
    ],
    catalog: catalogHandlers({
      products: createClient(ProductService, products),
      inventory: createClient(InventoryService, inventory),
      onStockError: (error) =>
        logger.debug({ err: error }, 'reading stock failed; products are listed without it'),
    }),
  };
}
