import {
  decodeMessage,
  isJsonOrder,
  isOrderId,
  readJsonOrder,
  ShapeError,
  toMinorUnits,
} from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import {
  type OrderSubmitted,
  OrderSubmittedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import type { ProductReference, QuotedPrice, Submission, SubmissionSource } from '../domain/submission.ts';

/** A record's value and the headers that determine its format. */
export interface RecordContent {
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** The submission of a record on `orders`; or why it cannot be read, for the dead letters. */
export type ReadResult =
  | { readonly ok: true; readonly submission: Submission; readonly format: SubmissionSource['format'] }
  | { readonly ok: false; readonly reason: UnreadableReason; readonly detail: string };

/** Why a record cannot be read. Documented in docs/events.md. */
export const unreadableReasons = {
  TOMBSTONE: 'The record has no value.',
  EMPTY: 'The value is empty.',
  SCHEMA_REGISTRY_FRAMING: 'The value begins with a schema registry header. Send the bare message.',
  WRONG_TYPE: 'The headers say that the value is not an OrderSubmitted.',
  MALFORMED_PROTOBUF: 'The value is not an OrderSubmitted in protobuf.',
  MALFORMED_JSON: 'The value is not JSON, or not of one of the two JSON shapes.',
  TOO_MANY_ELEMENTS: 'The order has more than 1,000 lines, and is not read.',
  ORDER_ID_UNUSABLE: 'The order id is missing or not 1 to 64 characters of A-Z a-z 0-9 . _ : -',
} as const;

/** Why a record cannot be read: one of the declared reasons. */
export type UnreadableReason = keyof typeof unreadableReasons;

/** Reads a record in any of the three formats, determined by its content-type, otherwise by its first byte. */
export function readSubmission({ value, headers }: RecordContent): ReadResult {
  if (value === null) return unreadable('TOMBSTONE', 'the record has no value');
  if (value.length === 0) return unreadable('EMPTY', 'the value has no bytes');
  const type = headers['ce_type'];
  if (type !== undefined && type !== OrderSubmittedSchema.typeName) {
    return unreadable('WRONG_TYPE', `ce_type is ${type.slice(0, 200)}, not ${OrderSubmittedSchema.typeName}`);
  }
  if (value[0] === 0) {
    return unreadable('SCHEMA_REGISTRY_FRAMING', 'the value begins with a zero byte; send the bare message');
  }
  const read = isJsonOrder(value, headers['content-type']) ? readJson(value) : readProtobuf(value);
  if (read.ok && !isOrderId(read.submission.orderId)) {
    return unreadable('ORDER_ID_UNUSABLE', 'the order id must match [A-Za-z0-9._:-]{1,64}');
  }
  return read;
}

function readProtobuf(value: Uint8Array): ReadResult {
  try {
    return {
      ok: true,
      format: 'protobuf',
      submission: toSubmission(decodeMessage(OrderSubmittedSchema, value)),
    };
  } catch (error) {
    return unreadable(isTooMany(error) ? 'TOO_MANY_ELEMENTS' : 'MALFORMED_PROTOBUF', message(error));
  }
}

function readJson(value: Uint8Array): ReadResult {
  try {
    return { ok: true, ...readJsonOrder(new TextDecoder('utf-8', { fatal: true }).decode(value)) };
  } catch (error) {
    return unreadable(isTooMany(error) ? 'TOO_MANY_ELEMENTS' : 'MALFORMED_JSON', message(error));
  }
}

/** A record of 1 MiB may have half a million lines; they are not converted to a submission. */
function isTooMany(error: unknown): boolean {
  return error instanceof ShapeError && error.rule !== undefined;
}

/** Converts the message without validating it. */
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
  // Stores hold 64 bits of minor units; an amount far above any price is not a price, as in the plain JSON format.
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
