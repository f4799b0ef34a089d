import type { DescField, DescMethod, JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { RestDescription } from '../adapter.ts';
import { fieldPath, type Parameter } from '../query-parameters.ts';
import type { Route } from '../routes.ts';
import { describeAccess } from './access.ts';
import { documentationOfMethod } from './comments.ts';
import { errorResponses, type Reasons } from './error-responses.ts';
import { requiredMembers } from './field-rules.ts';
import type { Form, Schemas } from './schemas.ts';

const request: Form = { protocol: 'rest', direction: 'request' };
const parameterForm: Form = { protocol: 'rest', direction: 'parameter' };
const response: Form = { protocol: 'rest', direction: 'response' };

/** Headers that a call may have, as components of the document. */
export const headerParameters = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Makes the call repeatable: chosen by the caller, unique per call. With the same key the stored response is ' +
      'returned. It belongs to the caller: the one of the token, or, where none is required, that `x-caller-id` names. It may also be sent as `requestId` in the body.',
    schema: {
      type: 'string',
      minLength: 1,
      maxLength: 128,
      examples: ['5f0c6a2e-8f0e-4f57-9d0a-6c1f0a4be8f1'],
    },
  },
  CallerId: {
    name: 'x-caller-id',
    in: 'header',
    description:
      'Where no tokens are required: who calls. Callers without it share one namespace of keys: send it, or choose keys ' +
      'that no other caller can choose, such as UUIDs. With a token of role service: on whose behalf it calls.',
    schema: { type: 'string', pattern: '^[ -~]{0,128}$', examples: ['shop'] },
  },
  Deadline: {
    name: 'connect-timeout-ms',
    in: 'header',
    description: 'The time that the call may take, in milliseconds. Absent: 60 s, which is also the most.',
    schema: { type: 'integer', minimum: 0, maximum: 60_000, examples: [5000] },
  },
} as const satisfies Record<string, JsonObject>;

function header(name: keyof typeof headerParameters): JsonObject {
  return { $ref: `#/components/parameters/${name}` };
}

/**
 * Describes a route. `variables`: the names of those of its path; `operationId`: unique in the document; `adapted`: what
 * it takes and returns in place of its messages.
 */
export function operationOf(
  route: Route,
  { operationId, tag, variables }: { operationId: string; tag: string; variables: readonly string[] },
  adapted: RestDescription | undefined,
  schemas: Schemas,
  reasons: Reasons,
): JsonObject {
  const { method, body } = route;
  const { summary, text, errors } = documentationOfMethod(method);
  const needed = requiredMembers(method.input);
  const requestId = method.input.fields.find(({ name }) => name === 'request_id');
  return {
    operationId,
    tags: [tag],
    summary,
    ...describeAccess(method, text),
    parameters: [
      ...route.variables.map((variable, at) => pathParameter(variables[at] ?? '', variable, schemas)),
      ...queryOf(route)
        .filter(({ fields }) => fields[0] !== requestId)
        .map((parameter) => queryParameter(parameter, needed, schemas)),
      ...(requestId ? [header('IdempotencyKey'), header('CallerId')] : []),
      header('Deadline'),
    ],
    ...(body !== undefined && {
      requestBody: jsonBody(
        adapted ? resolved(adapted.request, method, schemas) : bodySchema(route, body, requestId, schemas),
      ),
    }),
    responses: {
      ...(adapted
        ? adaptedResponses(adapted, method, schemas)
        : { 200: { description: 'Done.', ...jsonContent(responseSchema(route, schemas)) } }),
      ...errorResponses(errors, body !== undefined, reasons),
    },
  };
}

/** The query parameters, each once: a request may use other names for some. */
function queryOf({ query }: Route): Parameter[] {
  const byName = new Map(
    [...query.values()].map((parameter) => [fieldPath(parameter.fields, 'name'), parameter]),
  );
  return [...byName.values()];
}

function pathParameter(name: string, parameter: Parameter, schemas: Schemas): JsonObject {
  const { description, ...schema } = schemaOf(parameter, schemas);
  const isText = schema['type'] === 'string';
  return {
    name,
    in: 'path',
    required: true,
    ...(description !== undefined && { description }),
    // A segment of a path is never empty.
    schema: { ...(isText && { minLength: 1 }), ...schema },
  };
}

function queryParameter(
  parameter: Parameter,
  needed: ReturnType<typeof requiredMembers>,
  schemas: Schemas,
): JsonObject {
  const { description, ...schema } = schemaOf(parameter, schemas);
  const [field, ...inner] = parameter.fields;
  return {
    name: fieldPath(parameter.fields, 'name'),
    in: 'query',
    ...(field && inner.length === 0 && needed.has(field) && { required: true }),
    ...(description !== undefined && { description }),
    schema,
  };
}

function schemaOf({ fields }: Parameter, schemas: Schemas): JsonObject {
  const field = fields.at(-1);
  return field === undefined ? {} : schemas.field(field, parameterForm);
}

function bodySchema(
  { variables }: Route,
  { desc, field }: NonNullable<Route['body']>,
  requestId: DescField | undefined,
  schemas: Schemas,
): JsonObject {
  // Those in the path, and what is a header, need not be in the body.
  const bound = variables.flatMap(({ fields }) =>
    fields.length === (field ? 2 : 1) ? fields.slice(-1) : [],
  );
  return schemas.request(desc, request, new Set([...bound, ...(requestId ? [requestId] : [])]));
}

function jsonBody(schema: JsonObject): JsonObject {
  // An empty body is like an empty object.
  const isRequired = 'required' in schema || 'oneOf' in schema;
  return { ...(isRequired && { required: true }), ...jsonContent(schema) };
}

function jsonContent(schema: JsonObject): JsonObject {
  return { content: { 'application/json': { schema } } };
}

function responseSchema({ method, responseField }: Route, schemas: Schemas): JsonObject {
  if (responseField === undefined) return schemas.response(method.output, response);
  return schemas.field(responseField, response);
}

function adaptedResponses({ responses }: RestDescription, method: DescMethod, schemas: Schemas): JsonObject {
  return Object.fromEntries(
    Object.entries(responses).map(([status, { description, schema, headers = {} }]) => [
      status,
      {
        description,
        headers: textHeaders(headers),
        ...jsonContent(resolved(schema, method, schemas)),
      },
    ]),
  );
}

/** Refers to components where an adapter refers to messages in the method's response, by their full names. */
function resolved(schema: JsonObject, { output }: DescMethod, schemas: Schemas): JsonObject {
  const resolve = (json: JsonValue): JsonValue => {
    if (Array.isArray(json)) return json.map(resolve);
    if (typeof json !== 'object' || json === null) return json;
    const { $ref: name } = json;
    const field = output.fields.find(({ message }) => message !== undefined && message.typeName === name);
    if (field?.message) return schemas.message(field.message, response);
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, resolve(value)]));
  };
  return resolve(schema) as JsonObject;
}

function textHeaders(headers: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
  );
}
