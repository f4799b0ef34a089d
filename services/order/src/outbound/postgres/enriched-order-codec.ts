import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
  type UnknownField,
} from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Timestamp, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMinorUnits, toMoney } from '@orderflow/contracts';
import { type Money, MoneySchema } from '@orderflow/contracts/google/type/money';
import type { Customer as CustomerMessage } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import {
  Product_State,
  type Product as ProductMessage,
  ProductSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/product';
import type { Rejection as RejectionMessage } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import {
  EnrichedCustomerSchema,
  type EnrichedLine as EnrichedLineMessage,
  EnrichedLineSchema,
  EnrichedOrder_Outcome,
  type EnrichedOrder as EnrichedOrderMessage,
  EnrichedOrderSchema,
  type Freshness as FreshnessMessage,
  FreshnessSchema,
  type SubmissionLine as SubmissionLineMessage,
  SubmissionSource_Format,
} from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import type { EnrichedLine, EnrichedOrder } from '../../domain/enriched-order.ts';
import type { Customer, Freshness, Product } from '../../domain/enrichment.ts';
import type { Rejection, RejectionReason } from '../../domain/rejection.ts';
import type { QuotedPrice, SubmissionSource, SubmittedLine } from '../../domain/submission.ts';
import { memoizeByEntry } from '../memoize-by-entry.ts';

/**
 * Encodes the message of an enriched order, of any outcome. The messages are literals, which cost a fraction of
 * `create`. Customers and products come after the other fields, as bytes: see `encodeEnrichedOrder`.
 */
export function encodeMessage(order: EnrichedOrder): Uint8Array {
  const money = (amount: bigint) => toMoney(amount, order.currency);
  const { decision, source, submission, customer } = order;
  const accepted = decision.outcome === 'ACCEPTED' ? decision : undefined;
  return toBinary(EnrichedOrderSchema, {
    $typeName: 'orderflow.order.v1.EnrichedOrder',
    orderId: order.orderId,
    outcome: outcomes[decision.outcome],
    rejections: decision.outcome === 'REJECTED' ? decision.rejections.map(encodeRejection) : [],
    submission: {
      $typeName: 'orderflow.order.v1.Submission',
      customerId: submission.customerId,
      lines: submission.lines.map(encodeSubmittedLine),
    },
    lines: order.lines.map((line) => encodeLine(line, order.currency)),
    subtotal: accepted && money(accepted.subtotal),
    tax: accepted && money(accepted.tax),
    total: accepted && money(accepted.total),
    currencyCode: order.currency,
    taxBasisPoints: order.taxBasisPoints,
    source: {
      $typeName: 'orderflow.order.v1.SubmissionSource',
      topic: source.topic,
      partition: source.partition,
      offset: source.offset,
      format: formats[source.format],
      recordTime: timestampFromDate(source.recordTime),
    },
    decideTime: timestampFromDate(order.decideTime),
    ...(customer && {
      $unknown: encodedCustomer(customer.customer, customer.freshness, order.currency).fields,
    }),
  });
}

/**
 * A field that is already encoded. protobuf-es writes unknown fields unchanged, after the known fields; a reader
 * accepts fields in any order.
 */
function encodedField<Desc extends DescMessage>(
  { number }: DescField,
  schema: Desc,
  message: MessageShape<Desc>,
): UnknownField {
  const data = new BinaryWriter().bytes(toBinary(schema, message)).finish();
  return { no: number, wireType: WireType.LengthDelimited, data };
}

/** Fields that are already encoded, and their bytes. */
function encoded(fields: UnknownField[]): { readonly fields: UnknownField[]; readonly bytes: Uint8Array } {
  const writer = new BinaryWriter();
  for (const { no, wireType, data } of fields) writer.tag(no, wireType).raw(data);
  return { fields, bytes: writer.finish() };
}

/** The field of an order's customer. */
export const encodedCustomer = memoizeByEntry((customer: Customer, freshness) =>
  encoded([
    encodedField(
      EnrichedOrderSchema.field.customer,
      EnrichedCustomerSchema,
      create(EnrichedCustomerSchema, { customer: { ...customer }, freshness: encodeFreshness(freshness) }),
    ),
  ]),
);

/** The fields of a line that depend on its product only. */
export const encodedProduct = memoizeByEntry((product: Product, freshness, currency) =>
  encoded([
    encodedField(
      EnrichedLineSchema.field.product,
      ProductSchema,
      create(ProductSchema, encodeProduct(product, currency)),
    ),
    encodedField(
      EnrichedLineSchema.field.freshness,
      FreshnessSchema,
      create(FreshnessSchema, encodeFreshness(freshness)),
    ),
    encodedField(EnrichedLineSchema.field.unitPrice, MoneySchema, toMoney(product.price, currency)),
  ]),
);

function encodeLine(line: EnrichedLine, currency: string): EnrichedLineMessage {
  const { product, freshness, quantity, quotedPrice, amount } = line;
  return {
    $typeName: 'orderflow.order.v1.EnrichedLine',
    quantity: BigInt(quantity),
    quotedPrice: quotedPrice === undefined ? undefined : toMoney(quotedPrice, currency),
    amount: toMoney(amount, currency),
    $unknown: encodedProduct(product, freshness, currency).fields,
  };
}

/** The outcomes of decisions in the message. */
export const outcomes = {
  ACCEPTED: EnrichedOrder_Outcome.ACCEPTED,
  REJECTED: EnrichedOrder_Outcome.REJECTED,
} as const;

/** Decodes the bytes of `encodeEnrichedOrder`. Throws when they are not an enriched order. */
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

/** The formats of submissions in the message. */
export const formats: Record<SubmissionSource['format'], SubmissionSource_Format> = {
  protobuf: SubmissionSource_Format.PROTOBUF,
  protobuf_json: SubmissionSource_Format.PROTOBUF_JSON,
  plain_json: SubmissionSource_Format.PLAIN_JSON,
};

function formatOf(format: SubmissionSource_Format): SubmissionSource['format'] {
  if (format === SubmissionSource_Format.PROTOBUF) return 'protobuf';
  return format === SubmissionSource_Format.PROTOBUF_JSON ? 'protobuf_json' : 'plain_json';
}

function encodeRejection({ reason, field, message }: Rejection): RejectionMessage {
  return { $typeName: 'orderflow.order.event.v1.Rejection', reason, field, message };
}

function encodeSubmittedLine({ reference, quantity, quotedPrice }: SubmittedLine): SubmissionLineMessage {
  return {
    $typeName: 'orderflow.order.v1.SubmissionLine',
    reference:
      reference === undefined
        ? { case: undefined }
        : { case: reference.by === 'sku' ? 'sku' : 'productId', value: reference.value },
    quantity,
    quotedPrice:
      quotedPrice?.amount === undefined ? undefined : toMoney(quotedPrice.amount, quotedPrice.currency ?? ''),
    unreadablePrice: quotedPrice?.amount === undefined ? (quotedPrice?.text ?? '') : '',
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
