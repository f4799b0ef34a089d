import type { Customer } from './domain/customer.ts';
import type { Product } from './domain/product.ts';

/** Reads customers. */
export interface CustomerReader {
  /** Returns the customers with these ids, each once, in any order. */
  find(customerIds: readonly string[]): Promise<Customer[]>;
  /** Returns up to `limit` customers in the order of ids, after `afterId` or from the first. */
  page(afterId: string | undefined, limit: number): Promise<Customer[]>;
}

/** Names of products: ids and stock keeping units. */
export interface ProductNames {
  readonly productIds: readonly string[];
  readonly skus: readonly string[];
}

/** Reads products. */
export interface ProductReader {
  /** Returns the products with these names, each once, in any order. */
  find(names: ProductNames): Promise<Product[]>;
  /** Returns up to `limit` products in the order of ids, after `afterId` or from the first. */
  page(afterId: string | undefined, limit: number): Promise<Product[]>;
}

/** Changes of customers that are committed together. */
export interface CustomerTransaction {
  /** Locks the customer until the end of the transaction. */
  findForUpdate(customerId: string): Promise<Customer | undefined>;
  /** Returns false, and does nothing, when a customer with this id exists. */
  insert(customer: Customer): Promise<boolean>;
  /** Adds the new state of an existing customer to what is committed. */
  update(customer: Customer): void;
  /** Publishes with the commit that the customer was created or changed. */
  publishUpdated(customer: Customer): void;
}

/** An order that was accepted, whatever became of it later. */
export interface AcceptedOrder {
  readonly orderId: string;
  readonly customerId: string;
}

/** Counts of orders that are committed together. */
export interface OrderCounting {
  /** Adds one to the count of its customer for each of these orders that was never counted before. */
  count(orders: readonly AcceptedOrder[]): void;
}

/** Runs the work in one transaction, which is rolled back when the work throws. */
export type InOrderCounting = (work: (transaction: OrderCounting) => Promise<void>) => Promise<void>;

/** Reads how many orders customers have. */
export interface OrderCountReader {
  /** Returns the counts of these customers; a customer without orders has none. */
  find(customerIds: readonly string[]): Promise<ReadonlyMap<string, bigint>>;
}

/** A page of the order service's orders. */
export interface OrderPage {
  /** Those of the page that were accepted. */
  readonly accepted: readonly AcceptedOrder[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** Reads the order service's orders. */
export interface Orders {
  /** Returns the page of this token, the first one for an empty token; undefined when the token is not valid any more. */
  page(pageToken: string, signal: AbortSignal): Promise<OrderPage | undefined>;
}

/** How far the orders from before the oldest event on the topic are counted. */
export interface BackfillProgress {
  /** The page to count next; empty for the first one. */
  readonly pageToken: string;
  /** All of them are counted. */
  readonly done: boolean;
}

/** Counts of earlier orders, committed together with the progress. */
export interface BackfillTransaction extends OrderCounting {
  /** Locks the progress until the end of the transaction. */
  lockProgress(): Promise<BackfillProgress>;
  moveTo(progress: BackfillProgress): void;
}

/** Runs the work in one transaction, which is rolled back when the work throws. */
export type InBackfill = <T>(work: (transaction: BackfillTransaction) => Promise<T>) => Promise<T>;
