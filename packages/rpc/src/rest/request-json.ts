import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { rpcError } from '../errors.ts';
import { type FieldViolation, invalidRequest } from '../invalid-request.ts';
import { echoed } from '../short-text.ts';
import { listEnumNames, longEnumName } from './enum-names.ts';
import { decodeSegment } from './path-template.ts';
import { nameOf, readQuery, setField } from './query-parameters.ts';
import type { Route } from './routes.ts';

/** A request of a route, as it was sent. */
export interface SentRequest {
  /** The values of the variables of the path. */
  readonly values: readonly string[];
  /** Without its `?`; empty when there is none. */
  readonly query: string;
  /** The header `Idempotency-Key`. */
  readonly idempotencyKey: string | undefined;
  /** The text of the body; empty when there is none. */
  readonly body: string;
}

/**
 * Converts a request to the JSON of the method's request, as protobuf has it. Values that are of the wrong type are
 * left to its decoder.
 * @throws INVALID_REQUEST that names every parameter and field that does not exist, or contradicts another
 * @throws MALFORMED_REQUEST when the body is not JSON, or the path is not percent-encoded UTF-8
 */
export function toRequestJson(route: Route, sent: SentRequest): JsonObject {
  const violations: FieldViolation[] = [];
  const request: JsonObject = {};
  readQuery(sent.query, route.query, request, violations);
  if (route.body === undefined) {
    if (sent.body !== '') {
      const description = `${route.httpMethod} ${route.template} takes no body: use the query`;
      violations.push({ field: 'body', description, reason: 'json.no_body' });
    }
  } else readBody(route.body.desc, route.body.field, sent.body, request, violations);
  for (const [at, variable] of route.variables.entries()) {
    const text = decodeSegment(sent.values[at] ?? '');
    const name = nameOf(variable.fields, 'name');
    if (text === undefined)
      throw rpcError('MALFORMED_REQUEST', `${name} in the path is not percent-encoded UTF-8`);
    setOnce(request, variable.fields, text, `the ${name} of the path`, violations);
  }
  if (sent.idempotencyKey !== undefined) {
    const field = route.method.input.fields.find(({ name }) => name === 'request_id');
    if (field !== undefined)
      setOnce(request, [field], keyOf(sent.idempotencyKey), 'the header Idempotency-Key', violations);
  }
  if (violations.length > 0) throw invalidRequest(violations.slice(0, MAX_VIOLATIONS), violations.length);
  return request;
}

/** As for the rules of the contract. */
const MAX_VIOLATIONS = 50;

/** The key may be in quotes: draft-ietf-httpapi-idempotency-key-header has it as a structured string. */
function keyOf(header: string): string {
  return /^"(.*)"$/.exec(header)?.[1]?.replace(/\\(["\\])/g, '$1') ?? header;
}

/** Sets a field that the body may have, too, if it has the same value. */
function setOnce(
  request: JsonObject,
  fields: readonly DescField[],
  text: string,
  where: string,
  violations: FieldViolation[],
): void {
  const before = fields.reduce<JsonValue | undefined>(
    (value, { jsonName }) => (value as JsonObject | undefined)?.[jsonName],
    request,
  );
  if (before !== undefined && before !== '' && before !== text) {
    const field = nameOf(fields, 'name');
    violations.push({ field, description: `differs from ${where}`, reason: 'json.contradiction' });
    return;
  }
  setField(request, { fields }, text);
}

function readBody(
  desc: DescMessage,
  field: DescField | undefined,
  body: string,
  request: JsonObject,
  violations: FieldViolation[],
): void {
  const json = body === '' ? {} : parse(body);
  if (!isObject(json)) throw rpcError('MALFORMED_REQUEST', 'the body is not a JSON object');
  const message = toMessageJson(desc, json, field?.name ?? '', violations);
  if (field === undefined) Object.assign(request, message);
  else request[field.jsonName] = message;
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw rpcError('MALFORMED_REQUEST', `the body is not JSON: ${(error as Error).message}`);
  }
}

function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Converts an object to the JSON of a message: names and enums as the contract has them. */
function toMessageJson(
  desc: DescMessage,
  json: JsonObject,
  path: string,
  violations: FieldViolation[],
): JsonObject {
  const message: JsonObject = {};
  for (const [name, value] of Object.entries(json)) {
    const field = fieldsOf(desc).get(name);
    const at = (name: string) => (path === '' ? name : `${path}.${name}`);
    if (field === undefined) {
      const names = desc.fields.map(({ name }) => name).join(', ');
      const description = `does not exist here: the fields are ${names}`;
      violations.push({ field: at(echoed(name)), description, reason: 'json.unknown_field' });
    } else if (Object.hasOwn(message, field.jsonName)) {
      violations.push({
        field: at(field.name),
        description: 'is given twice',
        reason: 'json.repeated_field',
      });
    } else if (value !== null)
      message[field.jsonName] = toFieldJson(field, value, at(field.name), violations);
  }
  return message;
}

function toFieldJson(
  field: DescField,
  value: JsonValue,
  path: string,
  violations: FieldViolation[],
): JsonValue {
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    return value.map((item, index) => toSingleJson(field, item, `${path}[${index}]`, violations));
  }
  if (field.fieldKind === 'map' && isObject(value)) {
    const entries = Object.entries(value).map(([key, item]) => [
      key,
      toSingleJson(field, item, `${path}["${echoed(key)}"]`, violations),
    ]);
    return Object.fromEntries(entries);
  }
  return toSingleJson(field, value, path, violations);
}

function toSingleJson(
  field: DescField,
  value: JsonValue,
  path: string,
  violations: FieldViolation[],
): JsonValue {
  if (field.enum && typeof value === 'string') {
    const long = longEnumName(field.enum, value);
    if (long !== undefined) return long;
    const description = `must be one of ${listEnumNames(field.enum)}`;
    violations.push({ field: path, description, reason: 'enum.defined_only' });
    return value;
  }
  const { message } = field;
  if (message === undefined || message.typeName.startsWith('google.protobuf.') || !isObject(value))
    return value;
  return toMessageJson(message, value, path, violations);
}

const fieldsByName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** The fields of a message by both names that JSON may use. */
function fieldsOf(desc: DescMessage): ReadonlyMap<string, DescField> {
  let fields = fieldsByName.get(desc);
  if (fields === undefined) {
    fields = new Map(
      desc.fields.flatMap(
        (field) =>
          [
            [field.name, field],
            [field.jsonName, field],
          ] as const,
      ),
    );
    fieldsByName.set(desc, fields);
  }
  return fields;
}
