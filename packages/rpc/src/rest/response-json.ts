import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt';
import { longScalars } from '@orderflow/contracts';
import { MoneySchema } from '@orderflow/contracts/google/type/money';
import { shortEnumName } from './enum-names.ts';
import type { Route } from './routes.ts';

/**
 * Converts the JSON that protobuf has for the response of a method to what REST callers get: enums without their
 * prefix, 64-bit integers as numbers where a double holds them exactly, money as `{currencyCode, amount}` with a
 * decimal text. Numbers, booleans and the lists of the response itself are always there, 0, false and empty too;
 * other fields are left out when they have no value.
 */
export function toResponseJson({ method, responseField }: Route, json: JsonObject): JsonValue {
  const { lists, response } = planOf(method.output);
  if (responseField === undefined) return { ...lists, ...response(json) };
  const value = json[responseField.jsonName];
  if (responseField.fieldKind === 'list')
    return value === undefined ? [] : convertField(responseField, value);
  return value === undefined ? {} : convertField(responseField, value);
}

type Convert = (value: JsonValue) => JsonValue;

interface MessagePlan {
  readonly response: (json: JsonObject) => JsonObject;
  /** The lists of the message, empty. */
  readonly lists: JsonObject;
}

const plans = new WeakMap<DescMessage, MessagePlan>();

function planOf(desc: DescMessage): MessagePlan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const fields: { name: string; convert: Convert | undefined; missing: JsonValue | undefined }[] = [];
  const plan: MessagePlan = {
    response(json) {
      const converted: JsonObject = {};
      for (const { name, convert, missing } of fields) {
        const value = json[name];
        if (value !== undefined) converted[name] = convert === undefined ? value : convert(value);
        else if (missing !== undefined) converted[name] = missing;
      }
      return converted;
    },
    lists: Object.fromEntries(
      desc.fields.filter(({ fieldKind }) => fieldKind === 'list').map(({ jsonName }) => [jsonName, []]),
    ),
  };
  // Registered before its fields are planned: a type may contain itself.
  plans.set(desc, plan);
  for (const field of desc.fields) {
    fields.push({ name: field.jsonName, convert: converterOf(field), missing: missingValue(field) });
  }
  return plan;
}

function convertField(field: DescField, value: JsonValue): JsonValue {
  return converterOf(field)?.(value) ?? value;
}

function converterOf(field: DescField): Convert | undefined {
  const single = singleConverterOf(field);
  if (single === undefined) return undefined;
  if (field.fieldKind === 'list') return (list) => (list as JsonValue[]).map(single);
  if (field.fieldKind !== 'map') return single;
  return (map) =>
    Object.fromEntries(Object.entries(map as JsonObject).map(([key, value]) => [key, single(value)]));
}

function singleConverterOf({ enum: enumType, message, scalar }: DescField): Convert | undefined {
  if (enumType) return (name) => (typeof name === 'string' ? shortEnumName(enumType, name) : name);
  if (message) {
    if (message.typeName.startsWith('google.protobuf.')) return undefined;
    if (message.typeName === MoneySchema.typeName) return (money) => toAmount(money as JsonObject);
    const { response } = planOf(message);
    return (json) => response(json as JsonObject);
  }
  return scalar !== undefined && longScalars.has(scalar) ? toNumber : undefined;
}

function toNumber(text: JsonValue): JsonValue {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

/** What a field has when JSON leaves it out: protobuf leaves out what is 0 or false. */
function missingValue({ fieldKind, scalar, presence }: DescField): JsonValue | undefined {
  if (fieldKind !== 'scalar' || presence !== Presence.IMPLICIT) return undefined;
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return undefined;
  return scalar === ScalarType.BOOL ? false : 0;
}

/** Money with its amount as an exact decimal text of at least two decimals. */
function toAmount({ currencyCode, units = '0', nanos = 0 }: JsonObject): JsonObject {
  const isNegative = String(units).startsWith('-') || Number(nanos) < 0;
  const fraction = String(Math.abs(Number(nanos)))
    .padStart(9, '0')
    .replace(/0{1,7}$/, '');
  const amount = `${isNegative ? '-' : ''}${String(units).replace('-', '')}.${fraction}`;
  return { ...(currencyCode !== undefined && { currencyCode }), amount };
}
