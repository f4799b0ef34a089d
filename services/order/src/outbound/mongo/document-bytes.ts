import { formatAmount } from '@orderflow/contracts';
import { BSON, type Document } from 'mongodb';
import type { Accepted, EnrichedLine, EnrichedOrder } from '../../domain/enriched-order.ts';
import { limits } from '../../domain/judge.ts';
import type { SubmittedLine } from '../../domain/submission.ts';
import { ByteWriter } from '../byte-writer.ts';
import { memoizeByEntry } from '../memoize-by-entry.ts';
import { entryOf, progressOf } from './decision-progress.ts';
import { customerDocument, productDocument, quotedText, taxRate } from './to-document.ts';

/** The types of elements that are written here. */
const [DOUBLE, STRING, OBJECT, ARRAY, DATE, INT32, INT64] = [1, 2, 3, 4, 9, 16, 18] as const;
/** The type and the name of an element, as they precede its value. */
const element = (type: number, name: string) => Buffer.from(`${String.fromCharCode(type)}${name}\0`);
/** The elements of a document, without its length and its end. */
const elementsOf = (document: Document) => BSON.serialize(document).slice(4, -1);

const is = {
  decideTime: element(DATE, 'decide_time'),
  currency: element(STRING, 'currency'),
  lines: element(ARRAY, 'lines'),
  quantity: element(INT32, 'quantity'),
  fraction: element(DOUBLE, 'quantity'),
  quotedPrice: element(STRING, 'quoted_price'),
  amount: element(STRING, 'amount'),
  subtotal: element(STRING, 'subtotal'),
  tax: element(STRING, 'tax'),
  taxRate: element(STRING, 'tax_rate'),
  total: element(STRING, 'total'),
  submission: element(OBJECT, 'submission'),
  customerId: element(STRING, 'customer_id'),
  lineCount: element(INT32, 'line_count'),
  product_id: element(STRING, 'product_id'),
  sku: element(STRING, 'sku'),
  source: element(OBJECT, 'source'),
  topic: element(STRING, 'topic'),
  partition: element(INT32, 'partition'),
  offset: element(INT64, 'offset'),
  format: element(STRING, 'format'),
  recordTime: element(DATE, 'record_time'),
};
/** The objects in an array have their indexes as names. */
const indexes = Array.from({ length: limits.lines }, (_, index) => element(OBJECT, String(index)));

const outcome = elementsOf({ outcome: 'ACCEPTED' });
const decision = { outcome: 'ACCEPTED', decide_time: new Date(0) } as const;
/** Each ends with the time of the decision, and the ends of the documents around it. */
const progress = elementsOf({ progress: progressOf(decision) }).slice(0, -9);
const timeline = elementsOf({ timeline: { 1: entryOf(decision) } }).slice(0, -10);

const customerElement = memoizeByEntry((...entry: Parameters<typeof customerDocument>) =>
  elementsOf({ customer: customerDocument(...entry) }),
);
const productElements = memoizeByEntry((...[product, freshness]: Parameters<typeof productDocument>) => ({
  product: elementsOf({ product: productDocument(product, freshness) }),
  unitPrice: elementsOf({ unit_price: formatAmount(product.price) }),
}));

const writer = new ByteWriter();

/**
 * Encodes the document of an accepted order as it is first inserted, with its progress, as BSON: all elements after
 * `_id`. The same bytes as those of `toDocument`, for a fraction of the CPU: orders share the bytes of their customer
 * and products.
 */
export function documentBytes(order: EnrichedOrder, { subtotal, tax, total }: Accepted): Uint8Array {
  const { currency, customer, submission, source, decideTime } = order;
  writer.start();
  writer.raw(outcome);
  writer.raw(is.decideTime);
  writeTime(decideTime);
  writeText(is.currency, currency);
  if (customer !== undefined) writer.raw(customerElement(customer.customer, customer.freshness, currency));

  const lines = begin(is.lines);
  for (const [index, line] of order.lines.entries()) writeLine(indexOf(index), line, currency);
  end(lines);
  writeText(is.subtotal, formatAmount(subtotal));
  writeText(is.tax, formatAmount(tax));
  writeText(is.taxRate, taxRate(order));
  writeText(is.total, formatAmount(total));

  const sent = begin(is.submission);
  writeText(is.customerId, submission.customerId);
  writer.raw(is.lineCount);
  writer.int32LE(submission.lines.length);
  const sentLines = begin(is.lines);
  for (const [index, line] of submission.lines.entries()) {
    if (index < limits.lines) writeSubmittedLine(indexOf(index), line);
  }
  end(sentLines);
  end(sent);

  const from = begin(is.source);
  writeText(is.topic, source.topic);
  writer.raw(is.partition);
  writer.int32LE(source.partition);
  writer.raw(is.offset);
  writer.int64LE(source.offset);
  writeText(is.format, source.format);
  writer.raw(is.recordTime);
  writeTime(source.recordTime);
  end(from);

  writer.raw(progress);
  writeTime(decideTime);
  writer.byte(0);
  writer.raw(timeline);
  writeTime(decideTime);
  writer.byte(0);
  writer.byte(0);
  return writer.copy();
}

function writeLine(name: Uint8Array, line: EnrichedLine, currency: string): void {
  const { product, unitPrice } = productElements(line.product, line.freshness, currency);
  const start = begin(name);
  writer.raw(product);
  writeQuantity(line.quantity);
  writer.raw(unitPrice);
  if (line.quotedPrice !== undefined) writeText(is.quotedPrice, formatAmount(line.quotedPrice));
  writeText(is.amount, formatAmount(line.amount));
  end(start);
}

function writeSubmittedLine(name: Uint8Array, { reference, quantity, quotedPrice }: SubmittedLine): void {
  const start = begin(name);
  if (reference !== undefined) writeText(is[reference.by], reference.value);
  writeQuantity(quantity);
  if (quotedPrice !== undefined) writeText(is.quotedPrice, quotedText(quotedPrice));
  end(start);
}

function indexOf(index: number): Uint8Array {
  return indexes[index] ?? element(OBJECT, String(index));
}

/** Begins a document or an array; returns what `end` needs. */
function begin(name: Uint8Array): number {
  writer.raw(name);
  const start = writer.position;
  writer.int32LE(0);
  return start;
}

function end(start: number): void {
  writer.byte(0);
  writer.setInt32LE(writer.position - start, start);
}

function writeText(name: Uint8Array, value: string): void {
  writer.raw(name);
  const start = writer.position;
  writer.int32LE(0);
  writer.setInt32LE(writer.text(value) + 1, start);
  writer.byte(0);
}

/** A whole number of 32 bits, otherwise a double, as the driver chooses. */
function writeQuantity(value: number): void {
  if ((value | 0) === value && !Object.is(value, -0)) {
    writer.raw(is.quantity);
    writer.int32LE(value);
  } else {
    writer.raw(is.fraction);
    writer.doubleLE(value);
  }
}

/** Milliseconds since 1970, in 64 bits. */
function writeTime(time: Date): void {
  const milliseconds = time.getTime();
  writer.int32LE(milliseconds | 0);
  writer.int32LE(Math.floor(milliseconds / 2 ** 32));
}
