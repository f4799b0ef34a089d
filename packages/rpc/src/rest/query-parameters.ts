import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from '@bufbuild/protobuf';
import type { FieldViolation } from '../invalid-request.ts';
import { echoed } from '../short-text.ts';
import { listEnumNames, longEnumName } from './enum-names.ts';

/** A field of a request that comes from the path or the query: the fields that lead to it, itself last. */
export interface Parameter {
  readonly fields: readonly DescField[];
}

/** Messages that JSON writes as a text. */
const textMessages: ReadonlySet<string> = new Set(
  ['Timestamp', 'Duration', 'FieldMask'].map((name) => `google.protobuf.${name}`),
);

/**
 * Returns the query parameters of a request, by each of their names: every field that is not `bound` by the path or the
 * body, nor in a oneof with one that is; those inside of messages with dots, such as `customer.name`. Where a request is
 * a page, `limit` is `page_size`, too.
 * @throws Error when a field cannot be written in a query
 */
export function queryParameters(
  desc: DescMessage,
  bound: readonly Parameter[],
): ReadonlyMap<string, Parameter> {
  const parameters = new Map<string, Parameter>();
  const isBound = (path: readonly DescField[]) =>
    bound.some(
      ({ fields }) =>
        fields.length === path.length && fields.every((field, at) => sameChoice(field, path[at])),
    );
  addParameters(desc, []);
  const size = parameters.get('page_size');
  if (size !== undefined && parameters.has('page_token') && !parameters.has('limit')) {
    parameters.set('limit', size);
  }
  return parameters;

  function addParameters(message: DescMessage, above: readonly DescField[]): void {
    for (const field of message.fields) {
      const fields = [...above, field];
      if (isBound(fields)) continue;
      if (field.fieldKind === 'message' && !textMessages.has(field.message.typeName)) {
        const { typeName } = field.message;
        const isRecursive = fields.slice(0, -1).some(({ message }) => message === field.message);
        if (typeName.startsWith('google.protobuf.') || isRecursive || field.message === desc) {
          throw new Error(`${fieldPath(fields, 'name')}, a ${typeName}, cannot be a query parameter`);
        }
        addParameters(field.message, fields);
        continue;
      }
      if (field.fieldKind === 'map' || (field.fieldKind === 'list' && field.listKind === 'message')) {
        throw new Error(`${fieldPath(fields, 'name')}, a ${field.fieldKind}, cannot be a query parameter`);
      }
      for (const by of ['name', 'jsonName'] as const) parameters.set(fieldPath(fields, by), { fields });
    }
  }
}

function sameChoice(field: DescField, other: DescField | undefined): boolean {
  return field === other || (field.oneof !== undefined && field.oneof === other?.oneof);
}

/** The path of a field: `customer.customer_id`, or as JSON names it. */
export function fieldPath(fields: readonly DescField[], by: 'name' | 'jsonName'): string {
  return fields.map((field) => field[by]).join('.');
}

/** Puts a value into a request, at the field of a parameter. */
export function setField(request: JsonObject, { fields }: Parameter, value: JsonValue): void {
  let inside = request;
  for (const field of fields.slice(0, -1)) {
    inside[field.jsonName] ??= {};
    const next = inside[field.jsonName];
    // Not a message: the decoder says so.
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return;
    inside = next;
  }
  inside[fields.at(-1)?.jsonName ?? ''] = value;
}

/**
 * Reads a query into a request. What is wrong with it is added to `violations`: parameters that do not exist, ones that
 * are given twice and are no lists, booleans and enums that are none, `page` unless it is 1. Numbers and times are left
 * to the decoder.
 */
export function readQuery(
  query: string,
  parameters: ReadonlyMap<string, Parameter>,
  request: JsonObject,
  violations: FieldViolation[],
): void {
  const given = new Map<Parameter['fields'][number], JsonValue[]>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const [name, text] = decodePart(part);
    const violate = (description: string, reason: string) =>
      violations.push({ field: echoed(name ?? part), description, reason });
    if (name === undefined || text === undefined) {
      violate('is not percent-encoded UTF-8', 'query.encoding');
      continue;
    }
    if (isPageNumber(name, parameters)) {
      if (text !== '1') violate(otherPages, 'query.page_number');
      continue;
    }
    const parameter = parameters.get(name);
    const field = parameter?.fields.at(-1);
    if (parameter === undefined || field === undefined) {
      violate(unknownParameter(parameters), 'query.unknown_parameter');
      continue;
    }
    const value = toJson(field, text);
    if (value === undefined) {
      violate(`must be ${expected(field)}`, 'query.value');
      continue;
    }
    const values = given.get(field);
    if (values === undefined) {
      const list = [value];
      given.set(field, list);
      setField(request, parameter, field.fieldKind === 'list' ? list : value);
    } else if (field.fieldKind === 'list') values.push(value);
    else violate('is given twice', 'query.repeated_parameter');
  }
}

/** Many APIs number their pages; here the first one only is known by its number. */
function isPageNumber(name: string, parameters: ReadonlyMap<string, Parameter>): boolean {
  return name === 'page' && !parameters.has('page') && parameters.has('page_token');
}

const otherPages =
  'must be 1: send the next_page_token of a page as page_token to get the next one; pages have no numbers, so that ' +
  'none repeats or leaves out what changes meanwhile';

function unknownParameter(parameters: ReadonlyMap<string, Parameter>): string {
  const names = new Set([...parameters.values()].map(({ fields }) => fieldPath(fields, 'name')));
  return names.size === 0
    ? 'does not exist here: this path takes no query parameters'
    : `does not exist here: the query parameters are ${[...names].join(', ')}`;
}

/** The name and the value of a parameter; `+` stands for a blank, as HTML forms write it. */
function decodePart(part: string): [string | undefined, string | undefined] {
  const at = part.indexOf('=');
  return [at < 0 ? part : part.slice(0, at), at < 0 ? '' : part.slice(at + 1)].map((text) => {
    if (!/[%+]/.test(text)) return text;
    try {
      return decodeURIComponent(text.replaceAll('+', ' '));
    } catch {
      return undefined;
    }
  }) as [string | undefined, string | undefined];
}

function toJson(field: DescField, text: string): JsonValue | undefined {
  if (field.enum) return longEnumName(field.enum, text);
  if (field.scalar !== ScalarType.BOOL) return text;
  return text === 'true' || (text === 'false' ? false : undefined);
}

function expected(field: DescField): string {
  return field.enum ? `one of ${listEnumNames(field.enum)}` : 'true or false';
}
