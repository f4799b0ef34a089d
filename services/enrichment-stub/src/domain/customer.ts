/** A customer who may order. */
export interface Customer {
  readonly customerId: string;
  readonly name: string;
  readonly email: string;
  readonly active: boolean;
  /** 1 on creation, one more with every update. */
  readonly version: bigint;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** The fields that callers set. */
export type CustomerContent = Pick<Customer, 'name' | 'email' | 'active'>;

/** A new customer. */
export function newCustomer(customerId: string, content: CustomerContent, now: Date): Customer {
  const { name, email, active } = content;
  return { customerId, name, email, active, version: 1n, createTime: now, updateTime: now };
}

/**
 * Replaces all content of a customer. The version increases even if nothing differs: a caller that updates a customer
 * can rely on every cache entry being invalidated.
 */
export function updatedCustomer(current: Customer, content: CustomerContent, now: Date): Customer {
  const { name, email, active } = content;
  return { ...current, name, email, active, version: current.version + 1n, updateTime: now };
}
