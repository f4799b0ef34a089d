import { fromBinary, fromJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { toMinorUnits } from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import {
  type OrderSubmitted,
  OrderSubmittedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import {
  isOrderId,
  type ProductReference,
  type QuotedPrice,
  type Submission,
  type SubmissionSource,
} from '../../domain/submission.ts';
import { readPlainOrder, UnreadableError } from './read-plain-order.ts';

/** A record's value and the headers that say how it is written. */
export interface OrderRecord {
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** A record on `orders`, read; or why it can't be, for the dead letters. */
export type ReadResult =
  | { readonly ok: true; readonly submission: Submission; readonly format: SubmissionSource['format'] }
  | { readonly ok: false; readonly reason: UnreadableReason; readonly detail: string };

/** Why a record can't be read. Documented in docs/events.md. */
export const unreadableReasons = {
  TOMBSTONE: 'The record has no value.',
  EMPTY: 'The value is empty.',
  SCHEMA_REGISTRY_FRAMING: 'The value begins with a schema registry header. Send the bare message.',
  WRONG_TYPE: 'The headers say that the value is something else than an OrderSubmitted.',
  MALFORMED_PROTOBUF: 'The value is not an OrderSubmitted in protobuf.',
  MALFORMED_JSON: 'The value is not JSON, or not of one of the two JSON shapes.',
  ORDER_ID_UNUSABLE: 'The order id is missing or not 1 to 64 characters of A-Z a-z 0-9 . _ : -',
} as const;

/** Why a record can't be read: one entry of the catalogue. */
export type UnreadableReason = keyof typeof unreadableReasons;

/** Reads a record in any of the three formats, told apart by its content-type, else by its first byte. */
export function readOrder({ value, headers }: OrderRecord): ReadResult {
  if (value === null) return unreadable('TOMBSTONE', 'the record has no value');
  if (value.length === 0) return unreadable('EMPTY', 'the value has no bytes');
  const type = headers['ce_type'];
  if (type !== undefined && type !== OrderSubmittedSchema.typeName) {
    return unreadable('WRONG_TYPE', `ce_type is ${type.slice(0, 200)}, not ${OrderSubmittedSchema.typeName}`);
  }
  if (value[0] === 0) {
    return unreadable('SCHEMA_REGISTRY_FRAMING', 'the value begins with a zero byte; send the bare message');
  }
  const read = isJson(value, headers['content-type']) ? readJson(value) : readProtobuf(value);
  if (read.ok && !isOrderId(read.submission.orderId)) {
    return unreadable('ORDER_ID_UNUSABLE', 'the order id must match [A-Za-z0-9._:-]{1,64}');
  }
  return read;
}

function isJson(value: Uint8Array, contentType: string | undefined): boolean {
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase();
  if (mediaType === 'application/json' || mediaType?.endsWith('+json')) return true;
  if (mediaType === 'application/protobuf' || mediaType === 'application/x-protobuf') return false;
  // None of these bytes can begin an OrderSubmitted in protobuf: { [ and the UTF-8 byte order mark.
  return value[0] === 0x7b || value[0] === 0x5b || value[0] === 0xef;
}

function readProtobuf(value: Uint8Array): ReadResult {
  try {
    return {
      ok: true,
      format: 'protobuf',
      submission: toSubmission(fromBinary(OrderSubmittedSchema, value)),
    };
  } catch (error) {
    return unreadable('MALFORMED_PROTOBUF', message(error));
  }
}

function readJson(value: Uint8Array): ReadResult {
  try {
    const json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)) as JsonValue;
    if (!isObject(json)) throw new UnreadableError('a JSON object is expected');
    if ('products' in json) {
      return { ok: true, format: 'plain_json', submission: readPlainOrder(json) };
    }
    const submitted = fromJson(OrderSubmittedSchema, json, { ignoreUnknownFields: true });
    return { ok: true, format: 'protobuf_json', submission: toSubmission(submitted) };
  } catch (error) {
    return unreadable('MALFORMED_JSON', message(error));
  }
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** What the message says, as it is. */
export function toSubmission(submitted: OrderSubmitted): Submission {
  return {
    orderId: submitted.orderId,
    customerId: submitted.customerId,
    lines: submitted.lines.map(({ reference, quantity, quotedPrice }) => ({
      reference: toReference(reference),
      quantity: Number(quantity),
      quotedPrice: quotedPrice === undefined ? undefined : toQuotedPrice(quotedPrice),
    })),
  };
}

function toReference(reference: OrderSubmitted['lines'][number]['reference']): ProductReference | undefined {
  if (reference.case === undefined) return undefined;
  return { by: reference.case === 'sku' ? 'sku' : 'product_id', value: reference.value };
}

function toQuotedPrice(money: Money): QuotedPrice {
  const amount = toMinorUnits(money);
  // Stores hold 64 bits of minor units; what is far beyond any price is no price, as in the plain JSON shape.
  if (amount === undefined || !Number.isSafeInteger(Number(amount))) {
    return { amount: undefined, text: `${money.units} units and ${money.nanos} nanos` };
  }
  return { amount, currency: money.currencyCode || undefined };
}

function unreadable(reason: UnreadableReason, detail: string): ReadResult {
  return { ok: false, reason, detail };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
