import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
} from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { isObject } from '@orderflow/contracts';
import { checkJson } from '../admitted.ts';
import { rpcError } from '../errors.ts';
import type { FieldViolation } from '../invalid-request.ts';
import { echoed } from '../short-text.ts';
import { violated, violationsOf } from '../validation.ts';
import type { AdaptedBody, RestAdapter } from './adapter.ts';
import { emptyPut } from './empty-put.ts';
import { listEnumNames, longEnumName } from './enum-names.ts';
import { decodeSegment } from './path-template.ts';
import { fieldPath, readQuery, setField } from './query-parameters.ts';
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

/** The request of a method, and what its sender calls the fields of it. */
export interface ReadRequest {
  readonly request: Message;
  readonly nameOf: AdaptedBody['nameOf'] | undefined;
}

/**
 * Reads the request of the method of a route.
 * @throws INVALID_REQUEST that names every parameter and field that does not exist or contradicts another, together with
 * what breaks rules of the contract; without any of the former, the latter is not checked here
 * @throws MALFORMED_REQUEST when the body is not JSON, the path is not percent-encoded UTF-8, or a value is of another
 * type than its field
 */
export function readRequest(route: Route, adapter: RestAdapter | undefined, sent: SentRequest): ReadRequest {
  const { method, body } = route;
  const violations: FieldViolation[] = [];
  const request: JsonObject = {};
  let nameOf: ReadRequest['nameOf'];
  readQuery(sent.query, route.query, request, violations);
  if (body === undefined) {
    if (sent.body !== '') {
      const description = `${route.httpMethod} ${route.template} takes no body: use the query`;
      violations.push({ field: 'body', description, reason: 'json.no_body' });
    }
  } else if (adapter === undefined) {
    readBody(body.desc, body.field, sent.body, request, violations);
    violations.push(...emptyPut(route, request));
  } else {
    const read = adapter.readBody(parseObject(sent.body), sent.body);
    Object.assign(request, read.request);
    for (const violation of read.violations) {
      violations.push({ ...violation, field: echoed(violation.field) });
    }
    nameOf = read.nameOf;
  }
  readPath(route, sent.values, request, violations);
  if (sent.idempotencyKey !== undefined) {
    const field = method.input.fields.find(({ name }) => name === 'request_id');
    if (field !== undefined) setKey(request, field, keyOf(sent.idempotencyKey), violations);
  }
  if (violations.length === 0)
    return {
      request: toMessage(method.input, request, sent.query !== '' || body?.field !== undefined),
      nameOf,
    };
  const all = withContractViolations(violations, method.input, request, nameOf);
  throw adapter?.refuse?.(all) ?? violated(all);
}

/** `isUnchecked`: the guard has checked the body only, and of one that came wrapped only that it is JSON of some size. */
function toMessage(desc: DescMessage, request: JsonObject, isUnchecked: boolean): Message {
  if (isUnchecked) checkJson(desc, Buffer.from(JSON.stringify(request)));
  try {
    return fromJson(desc, request);
  } catch (error) {
    throw ConnectError.from(error, Code.InvalidArgument);
  }
}

/** Adds what else is wrong with a request, so that its sender can correct all of it at once. */
function withContractViolations(
  violations: readonly FieldViolation[],
  desc: DescMessage,
  request: JsonObject,
  nameOf: (field: string) => string = (field) => field,
): FieldViolation[] {
  let message: Message;
  try {
    message = fromJson(desc, request);
  } catch {
    return [...violations];
  }
  const known = new Set(violations.map(({ field }) => field));
  const others = violationsOf(desc, message)
    .map((violation) => ({ ...violation, field: nameOf(violation.field) }))
    // What is wrong was left out: that it is missing is no news.
    .filter(({ field }) => !withOuter(field).some((name) => known.has(name)));
  return [...violations, ...others];
}

/** A field, and what it is inside of: `lines[0].price`, `lines`, `lines[0]`. */
function withOuter(field: string): string[] {
  return [field, ...Array.from(field.matchAll(/[.[]/g), ({ index }) => field.slice(0, index))];
}

function readPath(
  { variables }: Route,
  values: readonly string[],
  request: JsonObject,
  violations: FieldViolation[],
): void {
  for (const [at, variable] of variables.entries()) {
    const text = decodeSegment(values[at] ?? '');
    const name = fieldPath(variable.fields, 'name');
    if (text === undefined)
      throw rpcError('MALFORMED_REQUEST', `${name} in the path is not percent-encoded UTF-8`);
    setOnce(request, variable.fields, text, `the ${name} of the path`, violations);
  }
}

/** The key may be in quotes: draft-ietf-httpapi-idempotency-key-header has it as a structured string. */
function keyOf(header: string): string {
  return /^"(.*)"$/.exec(header)?.[1]?.replace(/\\(["\\])/g, '$1') ?? header;
}

/** Makes the call repeatable, which its caller expects: an empty key would not. */
function setKey(request: JsonObject, field: DescField, key: string, violations: FieldViolation[]): void {
  if (key !== '') {
    setOnce(request, [field], key, 'the header Idempotency-Key', violations);
    return;
  }
  const description = 'is empty, so that the call could not be repeated: send a key, or leave the header out';
  violations.push({ field: 'idempotency-key', description, reason: 'header.idempotency_key' });
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
    const field = fieldPath(fields, 'name');
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
  const json = parseObject(body);
  const message = toMessageJson(
    desc,
    field === undefined ? json : unwrapped(field, desc, json),
    field?.name ?? '',
    violations,
  );
  if (field === undefined) Object.assign(request, message);
  else request[field.jsonName] = message;
}

/** The body, also when it comes as the only member of an object, under its own name: `{"customer": {…}}`. */
function unwrapped({ name, jsonName }: DescField, desc: DescMessage, json: JsonObject): JsonObject {
  const [only, ...others] = Object.entries(json);
  if (only === undefined || others.length > 0) return json;
  const [key, value] = only;
  const isWrapper = (key === name || key === jsonName) && !fieldsOf(desc).has(key);
  return isWrapper && isObject(value) ? value : json;
}

/** No body is like an empty object. */
function parseObject(text: string): JsonObject {
  let json: JsonValue;
  try {
    json = text === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw rpcError('MALFORMED_REQUEST', `the body is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(json)) throw rpcError('MALFORMED_REQUEST', 'the body is not a JSON object');
  return json;
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
