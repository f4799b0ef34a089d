import { clearField } from '@bufbuild/protobuf';
import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { formatMoney, toMinorUnits } from '@orderflow/contracts';
import {
  type Customer as CustomerMessage,
  CustomerSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import type { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import {
  Product_State,
  type Product as ProductMessage,
} from '@orderflow/contracts/orderflow/enrichment/v1/product';
import type { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import type { Customer, Product } from '../../domain/enrichment.ts';
import type { ProductReference } from '../../domain/submission.ts';

/** So that the total of the largest order, with tax, is an amount that every store can hold. */
const highestPrice = 1_000_000_000_000n;

/** Every event of an order contains it, and inventory uses it as a key. */
const longestId = 256;

/** The API is unavailable: down, slow, or its circuit is open. */
export class UpstreamUnavailableError extends Error {
  override readonly name = 'UpstreamUnavailableError';
}

/** The API returned an invalid response. */
export class UpstreamResponseError extends Error {
  override readonly name = 'UpstreamResponseError';
}

/** One kind of entity of the enrichment API, identified by keys of type `K`. */
export interface Upstream<K, Message, T> {
  readonly kind: 'customer' | 'product';
  keyOf(key: K): string;
  /**
   * Fetches up to 200 keys in one call; returns the message of each, undefined where there is none.
   * @throws UpstreamUnavailableError or UpstreamResponseError, for all of them together.
   */
  fetch(keys: readonly K[]): Promise<Map<string, Message | undefined>>;
  /** Converts a message after checking that it belongs to this key and is complete. @throws UpstreamResponseError */
  toValue(key: K, message: Message): T;
}

/** Reads customers by id. */
export function customerUpstream(
  client: Client<typeof CustomerService>,
): Upstream<string, CustomerMessage, Customer> {
  return {
    kind: 'customer',
    keyOf: (id) => id,
    async fetch(ids) {
      const reply = await call(() => client.batchGetCustomers({ customerIds: [...ids] }));
      // It changes without a new version: a cache entry that had it would keep a wrong one.
      for (const customer of reply.customers) clearField(customer, CustomerSchema.field.orderCount);
      const found = new Map(reply.customers.map((customer) => [customer.customerId, customer]));
      return inRequestOrder(ids, new Set(reply.notFoundCustomerIds), (id) => found.get(id));
    },
    toValue(id, { customerId, name, email, active, version }) {
      if (customerId !== id)
        throw new UpstreamResponseError(`customer ${id}: the response is about ${customerId}`);
      if (name === '') throw new UpstreamResponseError(`customer ${id}: the response has no name`);
      return { customerId, name, email, active, version };
    },
  };
}

/** Reads products by id or SKU, priced in `currency`. */
export function productUpstream(
  client: Client<typeof ProductService>,
  currency: string,
): Upstream<ProductReference, ProductMessage, Product> {
  const keyOf = ({ by, value }: ProductReference) => `${by}:${value}`;
  return {
    kind: 'product',
    keyOf,
    async fetch(references) {
      const valuesBy = (by: ProductReference['by']) =>
        references.filter((reference) => reference.by === by).map(({ value }) => value);
      const reply = await call(() =>
        client.batchGetProducts({ productIds: valuesBy('product_id'), skus: valuesBy('sku') }),
      );
      const found = new Map(
        reply.products.flatMap((product) => [
          [keyOf({ by: 'product_id', value: product.productId }), product],
          [keyOf({ by: 'sku', value: product.sku }), product],
        ]),
      );
      const missing = new Set([
        ...reply.notFoundProductIds.map((value) => keyOf({ by: 'product_id', value })),
        ...reply.notFoundSkus.map((value) => keyOf({ by: 'sku', value })),
      ]);
      return inRequestOrder(references.map(keyOf), missing, (key) => found.get(key));
    },
    toValue(reference, message) {
      const problem = problemWith(reference, message, currency);
      const price = message.price && toMinorUnits(message.price);
      if (problem !== undefined || price === undefined) {
        throw new UpstreamResponseError(
          `product ${keyOf(reference)}: ${problem ?? 'the response has no price'}`,
        );
      }
      const { productId, sku, name, description, state, version } = message;
      return { productId, sku, name, description, price, retired: state === Product_State.RETIRED, version };
    },
  };
}

function problemWith(
  reference: ProductReference,
  product: ProductMessage,
  currency: string,
): string | undefined {
  const returned = reference.by === 'sku' ? product.sku : product.productId;
  if (returned !== reference.value) return `the response is about ${returned}`;
  if (product.productId.length > longestId)
    return `the response has an id of ${product.productId.length} characters`;
  if (product.productId === '' || product.name === '') return 'the response has no id or no name';
  if (product.state !== Product_State.ACTIVE && product.state !== Product_State.RETIRED) {
    return `the response has state ${product.state}`;
  }
  const { price } = product;
  if (price?.currencyCode !== currency)
    return `the price is in ${price?.currencyCode || 'no currency'}, not ${currency}`;
  const amount = toMinorUnits(price);
  if (amount === undefined || amount < 0n) return 'the price is not an amount of money';
  return amount > highestPrice ? `the price is above ${formatMoney(highestPrice, currency)}` : undefined;
}

/** Sorts a response by the keys of the request; every key must be in it once, either found or not found. */
function inRequestOrder<Message>(
  keys: readonly string[],
  missing: ReadonlySet<string>,
  find: (key: string) => Message | undefined,
): Map<string, Message | undefined> {
  return new Map(
    keys.map((key) => {
      const message = find(key);
      if ((message === undefined) !== missing.has(key)) {
        throw new UpstreamResponseError(
          `${key}: ${message ? 'both found and not found' : 'missing'} in the response`,
        );
      }
      return [key, message];
    }),
  );
}

async function call<Reply>(send: () => Promise<Reply>): Promise<Reply> {
  try {
    return await send();
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    const text = `${Code[code]}: ${rawMessage}`;
    if (code === Code.Unavailable || code === Code.DeadlineExceeded || code === Code.Canceled) {
      throw new UpstreamUnavailableError(text, { cause: error });
    }
    throw new UpstreamResponseError(text, { cause: error });
  }
}
