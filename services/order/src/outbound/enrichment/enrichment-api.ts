import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { formatMoney, toMinorUnits } from '@orderflow/contracts';
import type { Customer as CustomerMessage } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import type { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import {
  Product_State,
  type Product as ProductMessage,
} from '@orderflow/contracts/orderflow/enrichment/v1/product';
import type { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import type { Customer, Product } from '../../domain/enrichment.ts';
import type { ProductReference } from '../../domain/submission.ts';

/** So that the total of the largest order, with tax, is an amount that every store holds. */
const highestPrice = 1_000_000_000_000n;

/** The API can't be asked now: it is down, slow, or its circuit is open. */
export class UpstreamUnavailableError extends Error {
  override readonly name = 'UpstreamUnavailableError';
}

/** The API answered, and the answer can't be used. */
export class UpstreamAnswerError extends Error {
  override readonly name = 'UpstreamAnswerError';
}

/** One kind of thing that the enrichment API knows, asked for by keys of type `K`. */
export interface Upstream<K, Message, T> {
  readonly kind: 'customer' | 'product';
  keyOf(key: K): string;
  /**
   * Asks for up to 200 keys in one call; answers the message for each, undefined where there is none.
   * @throws UpstreamUnavailableError or UpstreamAnswerError, for all of them together.
   */
  fetch(keys: readonly K[]): Promise<Map<string, Message | undefined>>;
  /** The message as a value of ours, if it answers this key and is whole. @throws UpstreamAnswerError */
  toValue(key: K, message: Message): T;
}

/** Customers by id. */
export function customerUpstream(
  client: Client<typeof CustomerService>,
): Upstream<string, CustomerMessage, Customer> {
  return {
    kind: 'customer',
    keyOf: (id) => id,
    async fetch(ids) {
      const reply = await call(() => client.batchGetCustomers({ customerIds: [...ids] }));
      const found = new Map(reply.customers.map((customer) => [customer.customerId, customer]));
      return answerOf(ids, new Set(reply.notFoundCustomerIds), (id) => found.get(id));
    },
    toValue(id, { customerId, name, email, active, version }) {
      if (customerId !== id)
        throw new UpstreamAnswerError(`customer ${id}: the answer is about ${customerId}`);
      if (name === '') throw new UpstreamAnswerError(`customer ${id}: the answer has no name`);
      return { customerId, name, email, active, version };
    },
  };
}

/** Products by id or SKU, priced in `currency`. */
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
      return answerOf(references.map(keyOf), missing, (key) => found.get(key));
    },
    toValue(reference, message) {
      const problem = problemWith(reference, message, currency);
      const price = message.price && toMinorUnits(message.price);
      if (problem !== undefined || price === undefined) {
        throw new UpstreamAnswerError(`product ${keyOf(reference)}: ${problem ?? 'the answer has no price'}`);
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
  const answered = reference.by === 'sku' ? product.sku : product.productId;
  if (answered !== reference.value) return `the answer is about ${answered}`;
  if (product.productId === '' || product.name === '') return 'the answer has no id or no name';
  if (product.state !== Product_State.ACTIVE && product.state !== Product_State.RETIRED) {
    return `the answer has state ${product.state}`;
  }
  const { price } = product;
  if (price?.currencyCode !== currency)
    return `the price is in ${price?.currencyCode || 'no currency'}, not ${currency}`;
  const amount = toMinorUnits(price);
  if (amount === undefined || amount < 0n) return 'the price is no amount of money';
  return amount > highestPrice ? `the price is above ${formatMoney(highestPrice, currency)}` : undefined;
}

/** Brings an answer into the order of the question; every key must be answered, once and only as one of both. */
function answerOf<Message>(
  keys: readonly string[],
  missing: ReadonlySet<string>,
  find: (key: string) => Message | undefined,
): Map<string, Message | undefined> {
  return new Map(
    keys.map((key) => {
      const message = find(key);
      if ((message === undefined) !== missing.has(key)) {
        throw new UpstreamAnswerError(
          `${key}: answered ${message ? 'as found and as not found' : 'not at all'}`,
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
    throw new UpstreamAnswerError(text, { cause: error });
  }
}
