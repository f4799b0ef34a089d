import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Timestamp, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMinorUnits, toMoney } from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import type { Customer as CustomerMessage } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import {
  Product_State,
  type Product as ProductMessage,
} from '@orderflow/contracts/orderflow/enrichment/v1/product';
import {
  EnrichedCustomerSchema,
  EnrichedLineSchema,
  EnrichedOrder_Outcome,
  type EnrichedOrder as EnrichedOrderMessage,
  EnrichedOrderSchema,
  type Freshness as FreshnessMessage,
  type SubmissionLine as SubmissionLineMessage,
  SubmissionSource_Format,
} from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import type { EnrichedLine, EnrichedOrder } from '../domain/enriched-order.ts';
import type { Customer, Freshness, Product } from '../domain/enrichment.ts';
import type { RejectionReason } from '../domain/rejection.ts';
import type { QuotedPrice, SubmissionSource, SubmittedLine } from '../domain/submission.ts';

/**
 * Writes an enriched order as the bytes that the order's history keeps.
 *
 * Orders of a slice share customers and products, and those are most of the bytes: each is encoded once. That is
 * sound because encoded fields may be put together in any order, and a submessage is its length and its own bytes.
 */
export function encodeEnrichedOrder(order: EnrichedOrder): Uint8Array {
  const writer = new BinaryWriter().raw(encodeOwnFields(order));
  if (order.customer !== undefined) {
    writer.tag(customerField, WireType.LengthDelimited).bytes(encodeCustomer(order.customer));
  }
  for (const line of order.lines) {
    writer.tag(linesField, WireType.LengthDelimited).bytes(encodeLine(line, order.currency));
  }
  return writer.finish();
}

const customerField = EnrichedOrderSchema.field.customer.number;
const linesField = EnrichedOrderSchema.field.lines.number;

/** Everything but the customer and the lines. */
function encodeOwnFields(order: EnrichedOrder): Uint8Array {
  const money = (amount: bigint) => toMoney(amount, order.currency);
  const { decision, source } = order;
  return toBinary(
    EnrichedOrderSchema,
    create(EnrichedOrderSchema, {
      orderId: order.orderId,
      outcome: EnrichedOrder_Outcome[decision.outcome],
      rejections: decision.outcome === 'REJECTED' ? [...decision.rejections] : [],
      submission: {
        customerId: order.submission.customerId,
        lines: order.submission.lines.map(encodeSubmittedLine),
      },
      ...(decision.outcome === 'ACCEPTED'
        ? { subtotal: money(decision.subtotal), tax: money(decision.tax), total: money(decision.total) }
        : {}),
      currencyCode: order.currency,
      taxBasisPoints: order.taxBasisPoints,
      source: {
        topic: source.topic,
        partition: source.partition,
        offset: source.offset,
        format: formats[source.format],
        recordTime: timestampFromDate(source.recordTime),
      },
      decideTime: timestampFromDate(order.decideTime),
    }),
  );
}

const encodedCustomers = new WeakMap<Customer, Uint8Array>();

function encodeCustomer({ customer, freshness }: NonNullable<EnrichedOrder['customer']>): Uint8Array {
  return onceFor(encodedCustomers, customer, () =>
    toBinary(
      EnrichedCustomerSchema,
      create(EnrichedCustomerSchema, { customer: { ...customer }, freshness: encodeFreshness(freshness) }),
    ),
  );
}

const encodedProducts = new WeakMap<Product, Uint8Array>();

function encodeLine(
  { product, freshness, quantity, quotedPrice, amount }: EnrichedLine,
  currency: string,
): Uint8Array {
  const ofProduct = onceFor(encodedProducts, product, () =>
    toBinary(
      EnrichedLineSchema,
      create(EnrichedLineSchema, {
        product: encodeProduct(product, currency),
        freshness: encodeFreshness(freshness),
        unitPrice: toMoney(product.price, currency),
      }),
    ),
  );
  const ofLine = toBinary(
    EnrichedLineSchema,
    create(EnrichedLineSchema, {
      quantity: BigInt(quantity),
      ...(quotedPrice === undefined ? {} : { quotedPrice: toMoney(quotedPrice, currency) }),
      amount: toMoney(amount, currency),
    }),
  );
  return Buffer.concat([ofProduct, ofLine]);
}

/** A value and how fresh it is come from one look-up, so that the value alone stands for both. */
function onceFor<K extends object>(
  known: WeakMap<K, Uint8Array>,
  key: K,
  encode: () => Uint8Array,
): Uint8Array {
  const before = known.get(key);
  if (before !== undefined) return before;
  const bytes = encode();
  known.set(key, bytes);
  return bytes;
}

/** Reads the bytes of `encodeEnrichedOrder`. Throws when they are something else. */
export function decodeEnrichedOrder(bytes: Uint8Array): EnrichedOrder {
  const message = fromBinary(EnrichedOrderSchema, bytes);
  const { submission, source } = message;
  if (submission === undefined || source === undefined) throw new Error('not the bytes of an enriched order');
  return {
    orderId: message.orderId,
    submission: {
      orderId: message.orderId,
      customerId: submission.customerId,
      lines: submission.lines.map(decodeSubmittedLine),
    },
    source: {
      topic: source.topic,
      partition: source.partition,
      offset: source.offset,
      format: formatOf(source.format),
      recordTime: date(source.recordTime),
    },
    customer: message.customer?.customer && {
      customer: decodeCustomer(message.customer.customer),
      freshness: decodeFreshness(message.customer.freshness),
    },
    lines: message.lines.map(decodeLine),
    taxBasisPoints: message.taxBasisPoints,
    currency: message.currencyCode,
    decideTime: date(message.decideTime),
    decision: decodeDecision(message),
  };
}

const formats: Record<SubmissionSource['format'], SubmissionSource_Format> = {
  protobuf: SubmissionSource_Format.PROTOBUF,
  protobuf_json: SubmissionSource_Format.PROTOBUF_JSON,
  plain_json: SubmissionSource_Format.PLAIN_JSON,
};

function formatOf(format: SubmissionSource_Format): SubmissionSource['format'] {
  if (format === SubmissionSource_Format.PROTOBUF) return 'protobuf';
  return format === SubmissionSource_Format.PROTOBUF_JSON ? 'protobuf_json' : 'plain_json';
}

function encodeSubmittedLine({ reference, quantity, quotedPrice }: SubmittedLine) {
  return {
    reference:
      reference === undefined
        ? { case: undefined }
        : reference.by === 'sku'
          ? { case: 'sku' as const, value: reference.value }
          : { case: 'productId' as const, value: reference.value },
    quantity,
    ...(quotedPrice === undefined
      ? {}
      : quotedPrice.amount === undefined
        ? { unreadablePrice: quotedPrice.text }
        : { quotedPrice: toMoney(quotedPrice.amount, quotedPrice.currency ?? '') }),
  };
}

function decodeSubmittedLine(line: SubmissionLineMessage): SubmittedLine {
  const { reference } = line;
  return {
    reference:
      reference.case === undefined
        ? undefined
        : { by: reference.case === 'sku' ? 'sku' : 'product_id', value: reference.value },
    quantity: line.quantity,
    quotedPrice: decodeQuotedPrice(line),
  };
}

function decodeQuotedPrice({ quotedPrice, unreadablePrice }: SubmissionLineMessage): QuotedPrice | undefined {
  if (unreadablePrice !== '') return { amount: undefined, text: unreadablePrice };
  return quotedPrice && { amount: amountOf(quotedPrice), currency: quotedPrice.currencyCode || undefined };
}

function decodeLine(line: EnrichedOrderMessage['lines'][number]): EnrichedLine {
  if (line.product === undefined) throw new Error('a line without a product');
  return {
    product: decodeProduct(line.product),
    freshness: decodeFreshness(line.freshness),
    quantity: Number(line.quantity),
    quotedPrice: line.quotedPrice && amountOf(line.quotedPrice),
    amount: amountOf(line.amount),
  };
}

function decodeDecision(message: EnrichedOrderMessage): EnrichedOrder['decision'] {
  if (message.outcome === EnrichedOrder_Outcome.REJECTED) {
    const rejections = message.rejections.map(({ reason, field, message: text }) => ({
      reason: reason as RejectionReason,
      field,
      message: text,
    }));
    return { outcome: 'REJECTED', rejections };
  }
  const { subtotal, tax, total } = message;
  return { outcome: 'ACCEPTED', subtotal: amountOf(subtotal), tax: amountOf(tax), total: amountOf(total) };
}

function encodeProduct(product: Product, currency: string) {
  return {
    productId: product.productId,
    sku: product.sku,
    name: product.name,
    description: product.description,
    price: toMoney(product.price, currency),
    state: product.retired ? Product_State.RETIRED : Product_State.ACTIVE,
    version: product.version,
  };
}

function decodeProduct({
  productId,
  sku,
  name,
  description,
  price,
  state,
  version,
}: ProductMessage): Product {
  const retired = state === Product_State.RETIRED;
  return { productId, sku, name, description, price: amountOf(price), retired, version };
}

function decodeCustomer({ customerId, name, email, active, version }: CustomerMessage): Customer {
  return { customerId, name, email, active, version };
}

function encodeFreshness({ fetchTime, stale }: Freshness) {
  return { fetchTime: timestampFromDate(fetchTime), stale };
}

function decodeFreshness(freshness: FreshnessMessage | undefined): Freshness {
  return { fetchTime: date(freshness?.fetchTime), stale: freshness?.stale ?? false };
}

function date(timestamp: Timestamp | undefined): Date {
  if (timestamp === undefined) throw new Error('a time is missing');
  return timestampDate(timestamp);
}

function amountOf(money: Money | undefined): bigint {
  const amount = money && toMinorUnits(money);
  if (amount === undefined) throw new Error('an amount is missing');
  return amount;
}
