import type { Customer } from './domain/customer.ts';
import type { Product } from './domain/product.ts';

/** Where customers are read. Every method throws {@link StoreUnavailable} while the store cannot be reached. */
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

/** Where products are read. Every method throws {@link StoreUnavailable} while the store cannot be reached. */
export interface ProductReader {
  /** The products that have one of these names, each once, in any order. */
  find(names: ProductNames): Promise<Product[]>;
  /** Up to `limit` products in the order of ids, from the one after `afterId` or the first. */
  page(afterId: string | undefined, limit: number): Promise<Product[]>;
}

/** A request that its caller can repeat: asked again, it is answered as the first time. */
export interface RepeatableRequest {
  /** Request ids are unique per caller and method only. */
  readonly callerId: string;
  readonly method: string;
  readonly requestId: string;
  /** Equal for requests that ask for the same. */
  readonly contentHash: Uint8Array;
}

/** An answer given before. */
export interface StoredAnswer {
  readonly contentHash: Uint8Array;
  readonly customer: Customer;
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
  /**
   * The answer this request was given before; else takes its request id, so that the same request made at the same
   * time waits for the end of this transaction.
   */
  claimAnswer(request: RepeatableRequest): Promise<StoredAnswer | undefined>;
  /** Keeps the answer to a request that was claimed. */
  storeAnswer(request: RepeatableRequest, customer: Customer): Promise<void>;
}

/**
 * Runs the work in one transaction, which is undone when the work throws.
 * @throws StoreUnavailable while the store cannot be reached.
 */
export type InCustomerTransaction = <T>(work: (transaction: CustomerTransaction) => Promise<T>) => Promise<T>;

/** The store cannot be reached; the same request may work later. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
