import type { Message } from '@bufbuild/protobuf';
import { toMoney } from '@orderflow/contracts';
import type { Customer } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import type { Product } from '@orderflow/contracts/orderflow/enrichment/v1/product';
import { type Fault, Fault_Kind } from '@orderflow/contracts/orderflow/testing/v1/fault_service';

type Item = Customer | Product;

const hugeText = 'x'.repeat(16 * 1024 * 1024);

/**
 * Corrupts the customers and products of a response as the fault says; all of them, or those the fault is limited to.
 * A response without any is unchanged.
 */
export function corruptResponse(response: Message, { kind, ids }: Fault): void {
  const hit = itemsOf(response).filter(
    (item) => ids.length === 0 || namesOf(item).some((name) => ids.includes(name)),
  );
  if (kind === Fault_Kind.WRONG_DATA) hit.forEach(breakData);
  if (kind === Fault_Kind.WRONG_ID) hit.forEach(changeId);
  // One is enough to make the whole response too large.
  if (kind === Fault_Kind.HUGE_REPLY) hit.slice(0, 1).forEach(inflate);
}

function itemsOf(response: Message): Item[] {
  // Every response of the two services has its items in one of these fields.
  const fields = response as {
    customer?: Customer;
    customers?: Customer[];
    product?: Product;
    products?: Product[];
  };
  const single = [fields.customer, fields.product].filter((item) => item !== undefined);
  return [...single, ...(fields.customers ?? []), ...(fields.products ?? [])];
}

function isCustomer(item: Item): item is Customer {
  return item.$typeName === 'orderflow.enrichment.v1.Customer';
}

function namesOf(item: Item): string[] {
  return isCustomer(item) ? [item.customerId] : [item.productId, item.sku];
}

function breakData(item: Item): void {
  if (isCustomer(item)) item.name = '';
  else item.price = toMoney(-1_00n, '');
}

function changeId(item: Item): void {
  if (isCustomer(item)) {
    item.customerId = `not-${item.customerId}`;
  } else {
    item.productId = `not-${item.productId}`;
    item.sku = `NOT-${item.sku}`;
  }
}

function inflate(item: Item): void {
  if (isCustomer(item)) item.name = hugeText;
  else item.description = hugeText;
}
