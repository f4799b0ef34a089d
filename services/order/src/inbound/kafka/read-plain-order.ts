import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { ProductReference, QuotedPrice, Submission, SubmittedLine } from '../../domain/submission.ts';

/** The value is JSON of another shape. The message says where and what was expected. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

/**
 * Reads the plain JSON shape:
 * `{"orderId":"o-1","customerId":"c-1","products":[{"productId":"p-1","name":"Laptop","price":999.99}]}`.
 * A product without `quantity` counts 1; `sku` may stand in place of `productId`. The price has no currency.
 * Other fields are ignored.
 * @throws UnreadableError where a field has another type than this.
 */
export function readPlainOrder(json: JsonObject): Submission {
  const products = json['products'];
  if (products !== null && !Array.isArray(products))
    throw new UnreadableError('products: an array is expected');
  return {
    orderId: text(json, 'orderId', 'orderId'),
    customerId: text(json, 'customerId', 'customerId'),
    lines: (products ?? []).map((product, index) => readProduct(product, `products[${index}]`)),
  };
}

function readProduct(product: JsonValue, path: string): SubmittedLine {
  if (typeof product !== 'object' || product === null || Array.isArray(product)) {
    throw new UnreadableError(`${path}: an object is expected`);
  }
  return {
    reference: readReference(product, path),
    quantity: number(product, 'quantity', path) ?? 1,
    quotedPrice: readPrice(number(product, 'price', path)),
  };
}

function readReference(product: JsonObject, path: string): ProductReference | undefined {
  const productId = text(product, 'productId', `${path}.productId`);
  if (productId !== '') return { by: 'product_id', value: productId };
  const sku = text(product, 'sku', `${path}.sku`);
  return sku === '' ? undefined : { by: 'sku', value: sku };
}

function readPrice(price: number | undefined): QuotedPrice | undefined {
  if (price === undefined) return undefined;
  const amount = Math.round(price * 100);
  // 999.99 is not a binary fraction: it is the amount when the nearest amount reads back as the same number.
  if (!Number.isSafeInteger(amount) || amount / 100 !== price)
    return { amount: undefined, text: String(price) };
  return { amount: BigInt(amount), currency: undefined };
}

function text(json: JsonObject, key: string, path: string): string {
  const value = json[key];
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new UnreadableError(`${path}: a string is expected`);
  // JSON can spell half a character, which no store and no API can hold.
  if (!value.isWellFormed()) throw new UnreadableError(`${path}: the text is not valid Unicode`);
  return value;
}

function number(json: JsonObject, key: string, path: string): number | undefined {
  const value = json[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') throw new UnreadableError(`${path}.${key}: a number is expected`);
  return value;
}
