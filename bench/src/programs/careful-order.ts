// What the careful consumer makes of one order. Pure. Amounts in cents.
import { hash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { formatAmount, isOrderId, toMoney } from '@orderflow/contracts';
import {
  OrderAcceptedSchema,
  OrderRejectedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { type EncodedEvent, encodeEvent } from '@orderflow/messaging';
import type { PlainOrder } from '../orders.ts';
import type { Customer, Product } from './one-at-a-time.ts';

/** A decided order with everything that its document and its event say. */
export interface Decision {
  readonly orderId: string;
  readonly customerId: string;
  /** In ISO 8601. */
  readonly time: string;
  readonly customer: Customer | undefined;
  readonly lines: readonly { readonly product: Product; readonly quantity: number }[];
  readonly subtotal: number;
  readonly tax: number;
  /** Why it is rejected; empty: it is accepted. */
  readonly rejections: readonly Rejection[];
}

interface Rejection {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

/** The order of a record; undefined: it cannot be read. */
export function readOrder(value: Buffer | null): PlainOrder | undefined {
  try {
    const order = JSON.parse(String(value)) as PlainOrder;
    const isReadable =
      isOrderId(order.orderId) &&
      typeof order.customerId === 'string' &&
      order.products.every(({ productId }) => typeof productId === 'string');
    return isReadable ? order : undefined;
  } catch {
    return undefined;
  }
}

/** Quantities by product. */
export function quantitiesOf({ products }: PlainOrder): ReadonlyMap<string, number> {
  const quantities = new Map<string, number>();
  for (const { productId } of products) quantities.set(productId, (quantities.get(productId) ?? 0) + 1);
  return quantities;
}

/** Equal for orders of the same content: the same customer, and the same quantity of each product. */
export function contentHashOf(order: PlainOrder): Buffer {
  return hash('sha256', JSON.stringify([order.customerId, [...quantitiesOf(order)].sort()]), 'buffer');
}

/** Accepts and prices an order, or rejects it for every reason at once. What was not found is not in `products`. */
export function decide(
  order: PlainOrder,
  customer: Customer | undefined,
  products: ReadonlyMap<string, Product>,
): Decision {
  const { orderId, customerId } = order;
  const rejections: Rejection[] = [];
  const reject = (reason: string, field: string, message: string) =>
    rejections.push({ reason, field, message });
  if (customer === undefined) reject('CUSTOMER_NOT_FOUND', 'customer_id', `no customer ${customerId}`);
  if (customer?.active === false) reject('CUSTOMER_INACTIVE', 'customer_id', `${customerId} is not active`);
  if (order.products.length === 0) reject('LINES_EMPTY', 'lines', 'the order has no lines');
  for (const [index, { productId }] of order.products.entries()) {
    const field = `lines[${index}].product_id`;
    const product = products.get(productId);
    if (product === undefined) reject('PRODUCT_NOT_FOUND', field, `no product ${productId}`);
    if (product?.retired) reject('PRODUCT_RETIRED', field, `product ${productId} is no longer sold`);
  }
  const lines = [...quantitiesOf(order)].flatMap(([productId, quantity]) => {
    const product = products.get(productId);
    return product === undefined ? [] : [{ product, quantity }];
  });
  const subtotal = lines.reduce((sum, { product, quantity }) => sum + product.price * quantity, 0);
  const tax = Math.floor((subtotal * 8 + 50) / 100);
  const time = new Date().toISOString();
  return { orderId, customerId, time, customer, lines, subtotal, tax, rejections };
}

const money = (cents: number) => toMoney(BigInt(cents), 'USD');
const amount = (cents: number) => formatAmount(BigInt(cents));

/** The document of a decided order, in the format of ours. */
export function documentOf(decision: Decision) {
  const { orderId, customer, lines, subtotal, tax, rejections } = decision;
  return {
    _id: orderId,
    outcome: rejections.length === 0 ? 'ACCEPTED' : 'REJECTED',
    decide_time: new Date(decision.time),
    currency: 'USD',
    ...(rejections.length > 0 && { rejections }),
    ...(customer !== undefined && {
      customer: {
        customer_id: customer.customerId,
        name: customer.name,
        email: customer.email,
        active: customer.active,
      },
    }),
    lines: lines.map(({ product, quantity }) => ({
      product: {
        product_id: product.productId,
        sku: product.sku,
        name: product.name,
        description: product.description,
        retired: product.retired,
      },
      quantity,
      unit_price: amount(product.price),
      amount: amount(product.price * quantity),
    })),
    ...(rejections.length === 0 && {
      subtotal: amount(subtotal),
      tax: amount(tax),
      total: amount(subtotal + tax),
    }),
  };
}

/** The event of a decided order, in the format of ours. */
export function eventOf(decision: Decision): EncodedEvent {
  const { orderId, customerId, lines, subtotal, tax, rejections } = decision;
  const time = new Date(decision.time);
  const about = { id: `${orderId}/1`, source: '/orderflow/order', subject: orderId, time };
  const base = { orderId, version: 1n, customerId, decideTime: timestampFromDate(time) };
  if (rejections.length > 0) {
    const message = create(OrderRejectedSchema, { ...base, rejections: [...rejections] });
    return encodeEvent(OrderRejectedSchema, message, about);
  }
  const message = create(OrderAcceptedSchema, {
    ...base,
    lines: lines.map(({ product, quantity }) => ({
      productId: product.productId,
      quantity: BigInt(quantity),
      unitPrice: money(product.price),
    })),
    subtotal: money(subtotal),
    tax: money(tax),
    total: money(subtotal + tax),
  });
  return encodeEvent(OrderAcceptedSchema, message, about);
}
