import { fromBinary, fromJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import {
  type OrderSubmitted,
  OrderSubmittedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import type { Submission } from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import { isJson } from '../dlq/decode.ts';

/** A line as it was sent: the product as the sender named it. */
interface SentLine {
  readonly product: string | undefined;
  readonly quantity: number;
}

/** The content of a record on `orders`, see {@link contentOf}; also undefined when it cannot be read. */
export function contentOfRecord(
  value: Buffer | null,
  headers: Readonly<Record<string, string>>,
): string | undefined {
  try {
    return value === null ? undefined : readContent(value, headers['content-type']);
  } catch {
    return undefined;
  }
}

/** The content of an order as its decision holds it, see {@link contentOf}. */
export function contentOfSubmission({ customerId, lines }: Submission | OrderSubmitted): string | undefined {
  return contentOf(
    customerId,
    lines.map(({ reference, quantity }) => ({
      product: reference.case && `${reference.case}:${reference.value}`,
      quantity: Number(quantity),
    })),
  );
}

/**
 * What was ordered, as a text that is equal for the same order: by whom, and how many of each product over all lines.
 * Undefined when the content is too bad to say it: then only equal bytes are the same order.
 */
function contentOf(customerId: string, lines: readonly SentLine[]): string | undefined {
  const isBad = ({ product, quantity }: SentLine) =>
    product === undefined || !Number.isSafeInteger(quantity) || quantity < 1;
  if (customerId === '' || lines.length === 0 || lines.some(isBad)) return undefined;
  const quantities = new Map<string, number>();
  for (const { product = '', quantity } of lines) {
    quantities.set(product, (quantities.get(product) ?? 0) + quantity);
  }
  return JSON.stringify([customerId, [...quantities].sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function readContent(value: Buffer, contentType: string | undefined): string | undefined {
  if (!isJson(value, contentType)) return contentOfSubmission(fromBinary(OrderSubmittedSchema, value));
  const json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)) as JsonObject;
  const { products } = json;
  if (products === undefined) {
    return contentOfSubmission(fromJson(OrderSubmittedSchema, json, { ignoreUnknownFields: true }));
  }
  const lines = Array.isArray(products) ? products.map((product) => plainLine(product as JsonObject)) : [];
  return contentOf(textOf(json['customerId']), lines);
}

/** A product of the plain JSON shape. */
function plainLine({ productId, sku, quantity }: JsonObject): SentLine {
  const id = textOf(productId);
  const product = id !== '' ? `productId:${id}` : textOf(sku) !== '' ? `sku:${textOf(sku)}` : undefined;
  return { product, quantity: Number(quantity ?? 1) };
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
