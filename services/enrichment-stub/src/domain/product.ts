/** Something that can be ordered. */
export interface Product {
  readonly productId: string;
  /** Unique, as the product id is. */
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  /** The price of one without tax, in minor units of `currencyCode`: 129999n is 1299.99. */
  readonly price: bigint;
  /** ISO 4217. */
  readonly currencyCode: string;
  /** A retired product is still known but no longer sold. */
  readonly state: 'ACTIVE' | 'RETIRED';
  readonly version: bigint;
  readonly updateTime: Date;
}
