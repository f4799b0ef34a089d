import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
  toJson,
} from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt';
import { type Money, MoneySchema } from '@orderflow/contracts/google/type/money';
import { shortEnumNames } from './enum-names.ts';
import type { Route } from './routes.ts';

/** Writes the response of a method as the route has it: all of it, or one of its fields; see {@link toRestJson}. */
export function toResponseJson({ method, responseField }: Route, response: Message): JsonValue {
  const { lists, write } = planOf(method.output);
  if (responseField === undefined) return { ...lists, ...write(response) };
  const value = (response as unknown as Fields)[responseField.localName];
  if (responseField.fieldKind === 'list') return writerOf(responseField)(value);
  return value === undefined ? {} : writerOf(responseField)(value);
}

/**
 * Writes a message as REST callers get it: enums without their prefix, 64-bit integers as numbers where a double holds
 * them exactly, money as `{currencyCode, amount}` with a decimal text. Numbers and booleans are always there, 0 and
 * false too; other fields are left out when they have no value.
 */
export function toRestJson(desc: DescMessage, message: Message): JsonObject {
  return planOf(desc).write(message);
}

/** A generated message is an object with a property for each field that is in no oneof, and for each oneof. */
type Fields = Readonly<Record<string, unknown>>;
type Write = (value: unknown) => JsonValue;

interface MessagePlan {
  readonly write: (message: Message) => JsonObject;
  /** The lists of the message, empty. */
  readonly lists: JsonObject;
}

const plans = new WeakMap<DescMessage, MessagePlan>();

function planOf(desc: DescMessage): MessagePlan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const fields: { read: (message: Fields) => unknown; name: string; write: Write }[] = [];
  const plan: MessagePlan = {
    write(message) {
      const json: JsonObject = {};
      for (const { read, name, write } of fields) {
        const value = read(message as unknown as Fields);
        if (value !== undefined) json[name] = write(value);
      }
      return json;
    },
    lists: Object.fromEntries(
      desc.fields.filter(({ fieldKind }) => fieldKind === 'list').map(({ jsonName }) => [jsonName, []]),
    ),
  };
  // Registered before its fields are planned: a type may contain itself.
  plans.set(desc, plan);
  for (const field of desc.fields) {
    fields.push({ read: readerOf(field), name: field.jsonName, write: writerOf(field) });
  }
  return plan;
}

/** Returns a function that reads what is written of a field; undefined when that is nothing. */
function readerOf(field: DescField): (message: Fields) => unknown {
  const { localName, fieldKind, oneof } = field;
  if (oneof !== undefined) {
    return (message) => {
      const { case: name, value } = message[oneof.localName] as { case?: string; value?: unknown };
      return name === localName ? value : undefined;
    };
  }
  if (fieldKind === 'list')
    return (message) => some((message[localName] as unknown[]).length, message[localName]);
  if (fieldKind === 'map')
    return (message) => some(Object.keys(message[localName] as object).length, message[localName]);
  const isText = field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
  // Without presence, it has no value when it is empty, or the enum's zero.
  if (field.presence === Presence.IMPLICIT && (isText || fieldKind === 'enum')) {
    return (message) => {
      const value = message[localName];
      return some(isText ? (value as string | Uint8Array).length : (value as number), value);
    };
  }
  return (message) => message[localName];
}

function some(size: number, value: unknown): unknown {
  return size === 0 ? undefined : value;
}

function writerOf(field: DescField): Write {
  const write = singleWriterOf(field);
  if (field.fieldKind === 'list') return (list) => (list as unknown[]).map(write);
  if (field.fieldKind !== 'map') return write;
  return (map) =>
    Object.fromEntries(Object.entries(map as object).map(([key, value]) => [key, write(value)]));
}

function singleWriterOf({ enum: enumType, message, scalar }: DescField): Write {
  if (enumType) {
    const names = shortEnumNames(enumType);
    return (number) => names.get(number as number) ?? (number as number);
  }
  if (message) {
    if (message.typeName.startsWith('google.protobuf.')) return (value) => toJson(message, value as Message);
    if (message.typeName === MoneySchema.typeName) return (money) => toAmount(money as Money);
    const { write } = planOf(message);
    return (value) => write(value as Message);
  }
  switch (scalar) {
    case ScalarType.BYTES:
      return (bytes) => base64Encode(bytes as Uint8Array);
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      // JSON has no NaN and no infinity.
      return (number) => (Number.isFinite(number) ? (number as number) : String(number));
    default:
      return (value) => (typeof value === 'bigint' ? toNumber(value) : (value as JsonValue));
  }
}

function toNumber(value: bigint): JsonValue {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Money with its amount as an exact decimal text of at least two decimals. */
function toAmount({ currencyCode, units, nanos }: Money): JsonObject {
  const isNegative = units < 0n || nanos < 0;
  const fraction = String(Math.abs(nanos))
    .padStart(9, '0')
    .replace(/0{1,7}$/, '');
  const amount = `${isNegative ? '-' : ''}${String(units).replace('-', '')}.${fraction}`;
  return { ...(currencyCode !== '' && { currencyCode }), amount };
}
