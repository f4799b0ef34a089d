import { decodeMessage, isJsonOrder, readJsonOrder } from '@orderflow/contracts';
import {
  type OrderSubmitted,
  OrderSubmittedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import type { Submission } from '@orderflow/contracts/orderflow/order/v1/enriched_order';

/** A line as it was sent: the product by the sender's reference. */
interface SentLine {
  readonly product: string | undefined;
  readonly quantity: number;
}

/** The content of a record on `orders`, as the worker reads it. */
interface RecordContent {
  /** Undefined when the record cannot be read. */
  readonly orderId: string | undefined;
  /** See {@link contentOf}; also undefined when the record cannot be read. */
  readonly content: string | undefined;
}

/** Reads a record on `orders` with the reader of the worker: another reader could read other content. */
export function contentOfRecord(
  value: Buffer | null,
  headers: Readonly<Record<string, string>>,
): RecordContent {
  const unreadable = { orderId: undefined, content: undefined };
  try {
    return value === null ? unreadable : readContent(value, headers['content-type']);
  } catch {
    return unreadable;
  }
}

/** The content of an order from its decision, see {@link contentOf}. */
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
 * A text that is equal for repeats of the same order: the customer, and the quantity of each product over all lines.
 * Undefined when the content is invalid: then only equal bytes are a repeat.
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

function readContent(value: Buffer, contentType: string | undefined): RecordContent {
  if (!isJsonOrder(value, contentType)) {
    const submitted = decodeMessage(OrderSubmittedSchema, value);
    return { orderId: submitted.orderId, content: contentOfSubmission(submitted) };
  }
  const { submission } = readJsonOrder(new TextDecoder('utf-8', { fatal: true }).decode(value));
  const lines = submission.lines.map(({ reference, quantity }) => ({
    product: reference && `${reference.by === 'sku' ? 'sku' : 'productId'}:${reference.value}`,
    quantity,
  }));
  return { orderId: submission.orderId, content: contentOf(submission.customerId, lines) };
}
