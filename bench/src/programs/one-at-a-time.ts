// What both one-at-a-time consumers are built on: the topic, the stores and the enrichment API.
// Arguments: PREFIX ENRICHMENT_URL SESSION_TIMEOUT_MS; the prefix is that of topics, groups, databases and cache keys.
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { groups, toMinorUnits, topics } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { Product_State } from '@orderflow/contracts/orderflow/enrichment/v1/product';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { type Consumer, Kafka, logLevel } from 'kafkajs';

const [prefixArgument = '', baseUrl = '', sessionTimeout = '30000'] = process.argv.slice(2);
export const prefix = prefixArgument;

/** A customer as the cache holds it. */
export interface Customer {
  readonly customerId: string;
  readonly name: string;
  readonly email: string;
  readonly active: boolean;
}

/** A product as the cache holds it. */
export interface Product {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  /** In cents. */
  readonly price: number;
  readonly retired: boolean;
}

/** The URL of a store. */
export function env(name: string): string {
  return process.env[name] ?? '';
}

export const kafka = new Kafka({ brokers: env('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING });

/** Joins the group and subscribes to the topic from its beginning. */
export async function subscribe(): Promise<Consumer> {
  const consumer = kafka.consumer({
    groupId: `${prefix}${groups.orderWorker}`,
    sessionTimeout: Number(sessionTimeout),
  });
  await consumer.connect();
  await consumer.subscribe({ topic: `${prefix}${topics.orders}`, fromBeginning: true });
  return consumer;
}

/** How long a cache entry is used, in seconds. */
export const cacheSeconds = 3_600;

const transport = createGrpcTransport({ baseUrl, defaultTimeoutMs: 4_000 });
const customers = createClient(CustomerService, transport);
const products = createClient(ProductService, transport);

/** Calls the enrichment API; throws a ConnectError, NotFound when there is no such customer. */
export async function fetchCustomer(customerId: string): Promise<Customer> {
  const { customer } = await customers.getCustomer({ customerId });
  if (customer === undefined) throw new Error(`an empty response about customer ${customerId}`);
  const { name, email, active } = customer;
  return { customerId, name, email, active };
}

/** Calls the enrichment API; throws a ConnectError, NotFound when there is no such product. */
export async function fetchProduct(productId: string): Promise<Product> {
  const { product } = await products.getProduct({ reference: { case: 'productId', value: productId } });
  const price = product?.price && toMinorUnits(product.price);
  if (product === undefined || price === undefined) throw new Error(`product ${productId} has no price`);
  const { sku, name, description, state } = product;
  return {
    productId,
    sku,
    name,
    description,
    price: Number(price),
    retired: state === Product_State.RETIRED,
  };
}
