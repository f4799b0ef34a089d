import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry,
  toJson,
} from '@bufbuild/protobuf';

/**
 * Returns a message that REST has written, in the canonical JSON of protobuf: with the whole names of enums, money in
 * units and nanos, and without defaults.
 */
export function fromRestJson(desc: DescMessage, json: JsonObject, registry: Registry): JsonObject {
  const message = fromJson(desc, canonical(desc, json) as JsonObject, {
    registry,
    ignoreUnknownFields: true,
  });
  return toJson(desc, message, { registry }) as JsonObject;
}

function canonical(desc: DescMessage, json: JsonValue): JsonValue {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return json;
  if (desc.typeName === 'google.type.Money' && 'amount' in json) return moneyOf(json);
  const fields = new Map(desc.fields.map((field) => [field.jsonName, field]));
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const field = fields.get(name);
      return [name, field === undefined ? value : fieldValue(field, value)];
    }),
  );
}

function fieldValue(field: DescField, value: JsonValue): JsonValue {
  if (field.fieldKind === 'list' && Array.isArray(value)) return value.map((item) => single(field, item));
  return field.fieldKind === 'map' ? value : single(field, value);
}

function single({ enum: enumType, message }: DescField, value: JsonValue): JsonValue {
  if (message) return canonical(message, value);
  if (enumType === undefined || typeof value !== 'string') return value;
  const names = enumType.values.map(({ name }) => name);
  return names.includes(value) ? value : `${enumType.sharedPrefix?.toUpperCase() ?? ''}${value}`;
}

/** `{currencyCode, amount: "12.50"}` as units and nanos. */
function moneyOf({ currencyCode, amount }: JsonObject): JsonObject {
  const [, sign = '', units = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(amount)) ?? [];
  const nanos = Number(`${sign}${fraction.padEnd(9, '0')}`);
  return { currencyCode: currencyCode ?? '', units: `${sign}${units}`, nanos };
}
