import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { toMinorUnits } from '../money.ts';
import { DEFAULT_MAX_ITEMS } from '../shape/message-plan.ts';
import { tooMany } from '../shape/shape-error.ts';
import { duplicateMember } from './duplicate-member.ts';
import { jsonNumber } from './json-number.ts';

/** The text is not JSON, or has another shape. The message says where and what was expected. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

/** Identifies a product: by its id, or by its stock keeping unit. */
type ProductReference = { readonly by: 'product_id' | 'sku'; readonly value: string };

/** Minor units if it can be expressed in them, and the currency if one was given; otherwise a readable text. */
type QuotedPrice =
  | { readonly amount: bigint; readonly currency: string | undefined }
  | { readonly amount: undefined; readonly text: string };

interface SubmittedLine {
  readonly reference: ProductReference | undefined;
  /** May be negative, a fraction or infinite. */
  readonly quantity: number;
  readonly quotedPrice: QuotedPrice | undefined;
}

/** An order in one of the two JSON shapes, parsed and not yet validated. */
export interface JsonOrder {
  readonly format: 'plain_json' | 'protobuf_json';
  readonly submission: {
    readonly orderId: string;
    readonly customerId: string;
    readonly lines: readonly SubmittedLine[];
  };
}

/**
 * Parses an order as JSON. With `products` it is plain JSON:
 * `{"orderId":"o-1","customerId":"c-1","products":[{"productId":"p-1","name":"Laptop","price":999.99}]}` A product
 * without `quantity` counts 1; the price has no currency. Without, it is the JSON mapping of OrderSubmitted, with
 * `lines`. The same rules apply to both: names in either spelling (`orderId`, `order_id`), numbers as numbers or as
 * text ({@link jsonNumber}), null like absent, unknown members ignored. Duplicates are refused: a name that an object
 * has twice, both spellings of a name, `products` with `lines`, two references of a line.
 * @throws UnreadableError; ShapeError when there are more than 1,000 lines
 */
export function readJsonOrder(text: string): JsonOrder {
  const json = parse(text);
  const isPlain = Object.hasOwn(json, 'products');
  if (isPlain && Object.hasOwn(json, 'lines')) {
    throw new UnreadableError('the order has products and lines: one of them is expected');
  }
  const list = isPlain ? 'products' : 'lines';
  const submission = {
    orderId: textOf(json, '', 'orderId', 'order_id'),
    customerId: textOf(json, '', 'customerId', 'customer_id'),
    lines: elements(json, list).map((line, index) => {
      const path = `${list}[${index}]`;
      const read = object(line, path);
      return isPlain ? readProduct(read, path) : readLine(read, path);
    }),
  };
  return { format: isPlain ? 'plain_json' : 'protobuf_json', submission };
}

function parse(text: string): JsonObject {
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UnreadableError(error instanceof Error ? error.message : String(error));
  }
  const order = object(json, '');
  const twice = duplicateMember(text);
  if (twice !== undefined)
    throw new UnreadableError(`an object has the member ${JSON.stringify(twice.slice(0, 64))} twice`);
  return order;
}

function readProduct(product: JsonObject, path: string): SubmittedLine {
  return {
    reference: readReference(product, path),
    quantity: number(product, path, 'quantity') ?? 1,
    quotedPrice: readPrice(number(product, path, 'price')),
  };
}

function readLine(line: JsonObject, path: string): SubmittedLine {
  const money = member(line, path, 'quotedPrice', 'quoted_price');
  return {
    reference: readReference(line, path),
    quantity: number(line, path, 'quantity') ?? 0,
    quotedPrice:
      money === undefined
        ? undefined
        : readMoney(object(money, `${path}.quotedPrice`), `${path}.quotedPrice`),
  };
}

function readReference(line: JsonObject, path: string): ProductReference | undefined {
  const productId = textOf(line, path, 'productId', 'product_id');
  const sku = textOf(line, path, 'sku');
  if (productId !== '' && sku !== '') {
    throw new UnreadableError(`${path}: both productId and sku are given: one of them is expected`);
  }
  if (productId !== '') return { by: 'product_id', value: productId };
  return sku === '' ? undefined : { by: 'sku', value: sku };
}

function readPrice(price: number | undefined): QuotedPrice | undefined {
  if (price === undefined) return undefined;
  const amount = Math.round(price * 100);
  // 999.99 is not a binary fraction: the nearest amount is accepted if it converts back to the same number.
  if (!Number.isSafeInteger(amount) || amount / 100 !== price)
    return { amount: undefined, text: String(price) };
  return { amount: BigInt(amount), currency: undefined };
}

function readMoney(money: JsonObject, path: string): QuotedPrice {
  const currencyCode = textOf(money, path, 'currencyCode', 'currency_code');
  const units = number(money, path, 'units') ?? 0;
  const nanos = number(money, path, 'nanos') ?? 0;
  const amount =
    Number.isSafeInteger(units * 100) && Number.isInteger(units) && Number.isInteger(nanos)
      ? toMinorUnits({ $typeName: 'google.type.Money', currencyCode, units: BigInt(units), nanos })
      : undefined;
  if (amount === undefined) return { amount, text: `${units} units and ${nanos} nanos` };
  return { amount, currency: currencyCode || undefined };
}

/** The member of this name, in either spelling; undefined when it is null or absent. */
function member(json: JsonObject, path: string, name: string, otherName?: string): JsonValue | undefined {
  const has = (spelling: string | undefined) => spelling !== undefined && Object.hasOwn(json, spelling);
  if (has(name) && has(otherName)) {
    throw new UnreadableError(`${inside(path, name)}: ${name} and ${otherName} are the same field`);
  }
  const value = has(name)
    ? json[name]
    : otherName !== undefined && has(otherName)
      ? json[otherName]
      : undefined;
  return value === null ? undefined : value;
}

function textOf(json: JsonObject, path: string, name: string, otherName?: string): string {
  const value = member(json, path, name, otherName) ?? '';
  if (typeof value !== 'string') throw new UnreadableError(`${inside(path, name)}: a string is expected`);
  // JSON can contain lone surrogates, which no store and no API accepts.
  if (!value.isWellFormed())
    throw new UnreadableError(`${inside(path, name)}: the text is not valid Unicode`);
  return value;
}

function number(json: JsonObject, path: string, name: string): number | undefined {
  const value = member(json, path, name);
  if (value === undefined) return undefined;
  const read = jsonNumber(value);
  if (read === undefined) throw new UnreadableError(`${inside(path, name)}: a number is expected`);
  return read;
}

function elements(json: JsonObject, name: string): readonly JsonValue[] {
  const value = member(json, '', name) ?? [];
  if (!Array.isArray(value)) throw new UnreadableError(`${name}: an array is expected`);
  if (value.length > DEFAULT_MAX_ITEMS) throw tooMany('repeated.max_items', DEFAULT_MAX_ITEMS).in(name);
  return value;
}

function object(json: JsonValue, path: string): JsonObject {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  throw new UnreadableError(path === '' ? 'a JSON object is expected' : `${path}: an object is expected`);
}

function inside(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
