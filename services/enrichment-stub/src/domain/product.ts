/** A product that can be ordered. */
export interface Product {
  readonly productId: string;
  /** Unique, like the product id. */
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  /** Unit price without tax, in minor units of `currencyCode`: 129999n is 1299.99. */
  readonly price: bigint;
  /** ISO 4217. */
  readonly currencyCode: string;
  /** A retired product still exists but is no longer sold. */
  readonly state: 'ACTIVE' | 'RETIRED';
  readonly version: bigint;
  readonly updateTime: Date;
}
