import { toMinorUnits } from '../money.ts';
import type { Members, Names } from './members.ts';

/** Identifies a product: by its id, or by its stock keeping unit. */
type ProductReference = { readonly by: 'product_id' | 'sku'; readonly value: string };

/** Minor units if it can be expressed in them, and the currency if one was given; otherwise a readable text. */
export type QuotedPrice =
  | { readonly amount: bigint; readonly currency: string | undefined }
  | { readonly amount: undefined; readonly text: string };

/** A line of an order in JSON, parsed and not yet validated. */
export interface SubmittedLine {
  readonly reference: ProductReference | undefined;
  /** May be negative, a fraction or infinite. */
  readonly quantity: number;
  readonly quotedPrice: QuotedPrice | undefined;
}

/** The names of the members of an order, the contract's first. */
export const names = {
  orderId: ['order_id', 'orderId'],
  customerId: ['customer_id', 'customerId'],
  /** Inside of `customer`. */
  idOfCustomer: ['user_id', 'userId', 'customer_id', 'customerId', 'id'],
  productId: ['product_id', 'productId'],
  sku: ['sku'],
  quantity: ['quantity'],
  quotedPrice: ['quoted_price', 'quotedPrice'],
  currency: ['currency_code', 'currencyCode'],
} as const satisfies Record<string, Names>;

/** Reads the product of a line; undefined when it names none. */
export function readReference(line: Members): ProductReference | undefined {
  const productId = line.id(names.productId);
  const sku = line.id(names.sku);
  if (productId !== '' && sku !== '') {
    line.report('sku', 'is given together with the product id: use one of them', 'json.repeated_field');
  }
  if (productId !== '') return { by: 'product_id', value: productId };
  return sku === '' ? undefined : { by: 'sku', value: sku };
}

/** Reads a price that is a number, in a currency that is not named. */
export function toQuotedPrice(price: number): QuotedPrice {
  const amount = Math.round(price * 100);
  // 999.99 is not a binary fraction: the nearest amount is accepted if it converts back to the same number.
  if (!Number.isSafeInteger(amount) || amount / 100 !== price)
    return { amount: undefined, text: String(price) };
  return { amount: BigInt(amount), currency: undefined };
}

/** Reads a price in the JSON of `google.type.Money`. */
export function readMoney(money: Members): QuotedPrice {
  const currencyCode = money.text(names.currency);
  const units = money.number(['units']) ?? 0;
  const nanos = money.number(['nanos']) ?? 0;
  const amount =
    Number.isSafeInteger(units * 100) && Number.isInteger(units) && Number.isInteger(nanos)
      ? toMinorUnits({ $typeName: 'google.type.Money', currencyCode, units: BigInt(units), nanos })
      : undefined;
  if (amount === undefined) return { amount, text: `${units} units and ${nanos} nanos` };
  return { amount, currency: currencyCode || undefined };
}
