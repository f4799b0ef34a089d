import type { Accepted, EnrichedOrder } from '../../domain/enriched-order.ts';
import { ByteWriter } from '../byte-writer.ts';
import { delimited, writeInteger, writeMoney, writeText, writeTime } from '../protobuf-fields.ts';

const writer = new ByteWriter();

/**
 * Encodes OrderAccepted, the event of most decisions, field by field: the same bytes as those of its message, for half
 * the CPU.
 */
export function acceptedBytes(order: EnrichedOrder, decision: Accepted, version: number): Uint8Array {
  const { currency } = order;
  writer.start();
  writeText(writer, 1, order.orderId);
  writeInteger(writer, 2, version);
  writeText(writer, 3, order.submission.customerId);
  for (const { product, quantity } of order.lines) {
    writer.byte(delimited(4));
    const start = writer.begin();
    writeText(writer, 1, product.productId);
    writeInteger(writer, 2, quantity);
    writeMoney(writer, 3, product.price, currency);
    writer.end(start);
  }
  writeMoney(writer, 5, decision.subtotal, currency);
  writeMoney(writer, 6, decision.tax, currency);
  writeMoney(writer, 7, decision.total, currency);
  writeTime(writer, 8, order.decideTime);
  return writer.copy();
}
