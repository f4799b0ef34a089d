/** A customer as the enrichment API returns it. */
export interface Customer {
  readonly customerId: string;
  readonly name: string;
  readonly email: string;
  readonly active: boolean;
  /** 0: unversioned API. */
  readonly version: bigint;
}

/** A product as the enrichment API returns it. */
export interface Product {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  /** Unit price in minor units of the configured currency. */
  readonly price: bigint;
  readonly retired: boolean;
  /** 0: unversioned API. */
  readonly version: bigint;
}

/** The pattern of inventory's product ids. */
const stockableId = /^[A-Za-z0-9._:-]{1,64}$/;

/** Whether inventory can have stock of a product with this id; it refuses to be asked for others. */
export function isStockable(productId: string): boolean {
  return stockableId.test(productId);
}

/** How fresh a value was when it was used. */
export interface Freshness {
  readonly fetchTime: Date;
  /** A cache entry past its freshness, used because the API was unavailable. */
  readonly stale: boolean;
}

/** The result of looking up one id or SKU. */
export type Lookup<T> =
  /** `confirmed`: read from the API for this decision, so an order may be rejected because of it. */
  | {
      readonly status: 'found';
      readonly value: T;
      readonly freshness: Freshness;
      readonly confirmed: boolean;
    }
  /** The API does not have it, as read for this decision. */
  | { readonly status: 'not_found' }
  /** The API is unavailable, and no cache entry is fresh enough. */
  | { readonly status: 'unavailable'; readonly cause: string }
  /** The API returns an invalid response for this id, while its responses for others are valid. */
  | { readonly status: 'invalid'; readonly cause: string };
