import type { EnrichedLine, EnrichedOrder } from '../../domain/enriched-order.ts';
import type { SubmissionSource, SubmittedLine } from '../../domain/submission.ts';
import { ByteWriter } from '../byte-writer.ts';
import { delimited, writeInteger, writeMoney, writeText, writeTime } from '../protobuf-fields.ts';
import { encodedCustomer, encodedProduct, encodeMessage, formats, outcomes } from './enriched-order-codec.ts';

const writer = new ByteWriter();

/**
 * Encodes an enriched order for the order's history. An accepted order, as most are, is written field by field, with
 * its customer and products as bytes that orders share: the same bytes as those of its message, for half the CPU.
 */
export function encodeEnrichedOrder(order: EnrichedOrder): Uint8Array {
  const { decision, currency, customer, submission } = order;
  if (decision.outcome !== 'ACCEPTED') return encodeMessage(order);
  writer.start();
  writeText(writer, 1, order.orderId);
  writeInteger(writer, 2, outcomes.ACCEPTED);
  writer.byte(delimited(4));
  const start = writer.begin();
  writeText(writer, 1, submission.customerId);
  for (const line of submission.lines) writeSubmittedLine(line);
  writer.end(start);
  for (const line of order.lines) writeLine(line, currency);
  writeMoney(writer, 7, decision.subtotal, currency);
  writeMoney(writer, 8, decision.tax, currency);
  writeMoney(writer, 9, decision.total, currency);
  writeInteger(writer, 10, order.taxBasisPoints);
  writeSource(order.source);
  writeTime(writer, 12, order.decideTime);
  writeText(writer, 13, currency);
  if (customer !== undefined) {
    writer.raw(encodedCustomer(customer.customer, customer.freshness, currency).bytes);
  }
  return writer.copy();
}

function writeSubmittedLine({ reference, quantity, quotedPrice }: SubmittedLine): void {
  writer.byte(delimited(2));
  const start = writer.begin();
  if (reference !== undefined) {
    // A field of a oneof is written also where it is empty.
    writer.byte(delimited(reference.by === 'sku' ? 2 : 1));
    const value = writer.begin();
    writer.text(reference.value);
    writer.end(value);
  }
  if (!Object.is(quantity, 0)) {
    writer.byte((3 << 3) | 1);
    writer.doubleLE(quantity);
  }
  if (quotedPrice?.amount !== undefined)
    writeMoney(writer, 4, quotedPrice.amount, quotedPrice.currency ?? '');
  else if (quotedPrice !== undefined) writeText(writer, 5, quotedPrice.text);
  writer.end(start);
}

function writeLine(
  { product, freshness, quantity, quotedPrice, amount }: EnrichedLine,
  currency: string,
): void {
  writer.byte(delimited(6));
  const start = writer.begin();
  writeInteger(writer, 3, quantity);
  if (quotedPrice !== undefined) writeMoney(writer, 5, quotedPrice, currency);
  writeMoney(writer, 6, amount, currency);
  writer.raw(encodedProduct(product, freshness, currency).bytes);
  writer.end(start);
}

function writeSource({ topic, partition, offset, format, recordTime }: SubmissionSource): void {
  writer.byte(delimited(11));
  const start = writer.begin();
  writeText(writer, 1, topic);
  writeInteger(writer, 2, partition);
  writeInteger(writer, 3, offset);
  writeInteger(writer, 4, formats[format]);
  writeTime(writer, 5, recordTime);
  writer.end(start);
}
