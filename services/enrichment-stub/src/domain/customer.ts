/** Somebody who may order. */
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

/** What callers decide about a customer; the rest is ours. */
export type CustomerContent = Pick<Customer, 'name' | 'email' | 'active'>;

/** A customer who did not exist before. */
export function newCustomer(customerId: string, content: CustomerContent, now: Date): Customer {
  const { name, email, active } = content;
  return { customerId, name, email, active, version: 1n, createTime: now, updateTime: now };
}

/**
 * The customer with all content replaced. The version rises even if nothing differs: whoever updates a customer
 * can rely on every cached copy being dropped.
 */
export function updatedCustomer(current: Customer, content: CustomerContent, now: Date): Customer {
  const { name, email, active } = content;
  return { ...current, name, email, active, version: current.version + 1n, updateTime: now };
}
