/** A customer who may order. */
export interface Customer {
  readonly customerId: string;
  readonly name: string;
  /** Empty when there is none. */
  readonly email: string;
  /** The postal address; empty when there is none. */
  readonly address: string;
  readonly active: boolean;
  /** 1 on creation, one more with every update. */
  readonly version: bigint;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** The fields that callers set. */
export type CustomerContent = Pick<Customer, 'name' | 'email' | 'address' | 'active'>;

/** A new customer. */
export function newCustomer(customerId: string, content: CustomerContent, now: Date): Customer {
  const { name, email, address, active } = content;
  return { customerId, name, email, address, active, version: 1n, createTime: now, updateTime: now };
}

/**
 * Replaces all content of a customer. The version increases even if nothing differs: a caller that updates a customer
 * can rely on every cache entry being invalidated.
 */
export function updatedCustomer(current: Customer, content: CustomerContent, now: Date): Customer {
  const { name, email, address, active } = content;
  return { ...current, name, email, address, active, version: current.version + 1n, updateTime: now };
}
