import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { requiredMembers, rulesOf } from '../../packages/rpc/src/rest/openapi/field-rules.ts';
import { code } from './markdown.ts';

/** The rules of a field in words, the most important first; empty when there are none. */
export function rulesInWords(field: DescField): string {
  const { own, element, texts } = rulesOf(field);
  const needed = requiredMembers(field.parent);
  const required = needed.has(field) ? ['required'] : [];
  const ofElements = inWords(element).map((rule) => `each ${rule}`);
  return [...required, ...inWords(own), ...ofElements, ...texts].join('; ');
}

/** The rules of the choices of a message: which of them needs one of its fields. */
export function choicesInWords(desc: DescMessage): string[] {
  const needed = requiredMembers(desc);
  return desc.oneofs.map((oneof) => {
    const names = oneof.fields.map(({ name }) => `\`${name}\``).join(', ');
    return needed.has(oneof) ? `Exactly one of ${names}.` : `At most one of ${names}.`;
  });
}

function inWords(schema: JsonObject): string[] {
  const { anyOf, pattern, format, const: only, enum: values, not, uniqueItems } = schema;
  if (Array.isArray(anyOf)) {
    // Empty, or what the rules say.
    return [`empty, or ${inWords(anyOf.at(-1) as JsonObject).join(', ')}`];
  }
  return [
    ...range(schema, 'Length', 'characters'),
    ...range(schema, 'Items', 'elements'),
    ...range(schema, 'Properties', 'entries'),
    ...numbers(schema),
    ...(typeof pattern === 'string' ? [`matches ${code(pattern)}`] : []),
    ...(typeof format === 'string' ? [`a valid ${format}`] : []),
    ...(only === undefined ? [] : [`only ${shown(only)}`]),
    ...(Array.isArray(values) ? [`one of ${values.map(shown).join(', ')}`] : []),
    ...(not === undefined
      ? []
      : [`none of ${((not as JsonObject)['enum'] as JsonValue[]).map(shown).join(', ')}`]),
    ...(uniqueItems === true ? ['no duplicates'] : []),
  ];
}

function range(schema: JsonObject, what: string, unit: string): string[] {
  return between(schema[`min${what}`], schema[`max${what}`]).map((text) => `${text} ${unit}`);
}

function numbers({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonObject): string[] {
  return [
    ...between(minimum, maximum),
    ...(exclusiveMinimum === undefined ? [] : [`more than ${shown(exclusiveMinimum)}`]),
    ...(exclusiveMaximum === undefined ? [] : [`less than ${shown(exclusiveMaximum)}`]),
  ];
}

function between(from: JsonValue | undefined, to: JsonValue | undefined): string[] {
  if (from !== undefined && to !== undefined)
    return [from === to ? shown(from) : `${shown(from)} to ${shown(to)}`];
  if (from !== undefined) return [`at least ${shown(from)}`];
  return to === undefined ? [] : [`at most ${shown(to)}`];
}

function shown(value: JsonValue): string {
  return typeof value === 'number' ? value.toLocaleString('en') : `\`${String(value)}\``;
}
