import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt';
import { createValidator } from '@bufbuild/protovalidate';
import { MoneySchema } from '../../packages/contracts/src/gen/google/type/money_pb.ts';
import { documentationOfMember } from '../../packages/rpc/src/rest/openapi/comments.ts';
import { requiredMembers } from '../../packages/rpc/src/rest/openapi/field-rules.ts';

const validator = createValidator();

/**
 * Makes an example of a message as JSON: the fields whose comments have one, and those that it must have.
 * @throws Error when the example is not valid: a field that a message must have needs `Example: "…"` in its comment
 */
export function exampleOf(desc: DescMessage): JsonObject {
  const json = objectOf(desc);
  const { kind, violations = [] } = validator.validate(desc, fromJson(desc, json));
  if (kind !== 'valid') {
    const texts = violations.map(({ field, message }) => `${field.map(String).join('.')} ${message}`);
    throw new Error(
      `the example of ${desc.typeName} is not valid: ${texts.join(', ')}; a comment may lack one`,
    );
  }
  return json;
}

function objectOf(desc: DescMessage): JsonObject {
  const needed = requiredMembers(desc);
  // Of a choice the first that has an example.
  const chosen = new Set<unknown>();
  const entries = desc.fields.flatMap((field): [name: string, value: JsonValue][] => {
    const { oneof, fieldKind, jsonName } = field;
    if (oneof !== undefined && chosen.has(oneof)) return [];
    const value = exampleValue(field, needed.has(oneof ?? field));
    if (value === undefined) return [];
    chosen.add(oneof);
    return [[jsonName, fieldKind === 'list' ? [value] : value]];
  });
  return Object.fromEntries(entries);
}

function exampleValue(field: DescField, isNeeded: boolean): JsonValue | undefined {
  if (field.fieldKind === 'map') return undefined;
  if (field.enum !== undefined) return isNeeded ? field.enum.values[1]?.name : undefined;
  if (field.message !== undefined) return exampleMessage(field.message, isNeeded);
  const { text, example } = documentationOfMember(field.parent, field);
  if (example === undefined || /\b(?:Set by the server|Not used)\b/.test(text)) return undefined;
  const value = scalarOf(field.scalar, example);
  // Of a version and the like any value would be wrong.
  const isLeftOut = typeof value === 'number' && !isNeeded && field.presence === Presence.IMPLICIT;
  return isLeftOut ? undefined : value;
}

function exampleMessage(desc: DescMessage, isNeeded: boolean): JsonValue | undefined {
  if (desc.typeName === MoneySchema.typeName && isNeeded) {
    return { currencyCode: 'USD', units: '1403', nanos: 990_000_000 };
  }
  if (desc.typeName.startsWith('google.')) return undefined;
  const inner = objectOf(desc);
  return isNeeded || Object.keys(inner).length > 0 ? inner : undefined;
}

function scalarOf(scalar: ScalarType | undefined, example: string): JsonValue {
  return scalar === ScalarType.STRING || scalar === ScalarType.BYTES
    ? example
    : (JSON.parse(example) as JsonValue);
}
