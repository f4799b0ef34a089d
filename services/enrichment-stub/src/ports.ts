import type { Customer } from './domain/customer.ts';
import type { Product } from './domain/product.ts';

/** Where customers are read. */
export interface CustomerReader {
  /** The customers that have one of these ids, each once, in any order. */
  find(customerIds: readonly string[]): Promise<Customer[]>;
  /** Up to `limit` customers in the order of ids, from the one after `afterId` or the first. */
  page(afterId: string | undefined, limit: number): Promise<Customer[]>;
}

/** Names of products: ids and stock keeping units. */
export interface ProductNames {
  readonly productIds: readonly string[];
  readonly skus: readonly string[];
}

/** Where products are read. */
export interface ProductReader {
  /** The products that have one of these names, each once, in any order. */
  find(names: ProductNames): Promise<Product[]>;
  /** Up to `limit` products in the order of ids, from the one after `afterId` or the first. */
  page(afterId: string | undefined, limit: number): Promise<Product[]>;
}

/** What happens all together or not at all. */
export interface CustomerTransaction {
  /** The customer, who nobody else can change before this transaction ends. */
  findForUpdate(customerId: string): Promise<Customer | undefined>;
  /** Answers false, and does nothing, when there is a customer of this id. */
  insert(customer: Customer): Promise<boolean>;
  update(customer: Customer): Promise<void>;
  /** Tells the world that the customer was created or changed. */
  tellUpdated(customer: Customer): Promise<void>;
}
