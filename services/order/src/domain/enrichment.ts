/** A customer as the enrichment API knows it. */
export interface Customer {
  readonly customerId: string;
  readonly name: string;
  readonly email: string;
  readonly active: boolean;
  /** 0: the API keeps no versions. */
  readonly version: bigint;
}

/** A product as the enrichment API knows it. */
export interface Product {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  /** Price of one in minor units of the configured currency. */
  readonly price: bigint;
  readonly retired: boolean;
  /** 0: the API keeps no versions. */
  readonly version: bigint;
}

/** How fresh a copy was when it was used. */
export interface Freshness {
  readonly fetchTime: Date;
  /** Older than wanted, and used because the API was down. */
  readonly stale: boolean;
}

/** What is known of one id or SKU. */
export type Lookup<T> =
  /** `confirmed`: read from the API for this very decision, so it may be held against the order. */
  | {
      readonly status: 'found';
      readonly value: T;
      readonly freshness: Freshness;
      readonly confirmed: boolean;
    }
  /** The API says that there is none, asked for this very decision. */
  | { readonly status: 'not_found' }
  /** The API can't be asked now, and no copy is fresh enough. */
  | { readonly status: 'unavailable'; readonly cause: string }
  /** The API answers this one id wrongly, while it answers others well. */
  | { readonly status: 'invalid'; readonly cause: string };
