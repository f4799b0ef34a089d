import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import {
  CustomerSchema,
  type Customer as WireCustomer,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import {
  Product_State,
  ProductSchema,
  type Product as WireProduct,
} from '@orderflow/contracts/orderflow/enrichment/v1/product';
import type { Customer } from '../../domain/customer.ts';
import type { Product } from '../../domain/product.ts';

/** Converts a customer. `orderCount`: only where the response must have it. */
export function toWireCustomer(
  { createTime, updateTime, ...customer }: Customer,
  orderCount?: bigint,
): WireCustomer {
  return create(CustomerSchema, {
    ...customer,
    ...(orderCount !== undefined && { orderCount }),
    createTime: timestampFromDate(createTime),
    updateTime: timestampFromDate(updateTime),
  });
}

/** Converts a product. */
export function toWireProduct({ price, currencyCode, state, updateTime, ...product }: Product): WireProduct {
  return create(ProductSchema, {
    ...product,
    price: toMoney(price, currencyCode),
    state: Product_State[state],
    updateTime: timestampFromDate(updateTime),
  });
}
