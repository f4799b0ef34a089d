import { STATUS_CODES } from 'node:http';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, codeToString } from '@connectrpc/connect/protocol-connect';
import { type ErrorReason, errorsOf, type ReasonDeclaration } from '../../errors.ts';
import { invalidRequest } from '../../invalid-request.ts';
import { isWorthRepeating, problemContentType, toProblem } from '../problem.ts';
import type { NamedError } from './comments.ts';

/** Every reason that a server may send, by its name. */
export type Reasons = Readonly<Record<string, ReasonDeclaration>>;

/** What every call can fail with. */
const reasonsOfCalls: readonly ErrorReason[] = [
  'INVALID_REQUEST',
  'MALFORMED_REQUEST',
  'INTERNAL',
  'OVERLOADED',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'RATE_LIMITED',
  'SHUTTING_DOWN',
  'DEPENDENCY_UNAVAILABLE',
  'CIRCUIT_OPEN',
  'TOO_MANY_CALLS',
  'DEADLINE_EXCEEDED',
];

/** And every call with a body. */
const reasonsOfBodies: readonly ErrorReason[] = ['MESSAGE_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

/** Errors of REST: RFC 9457, with members of our own. */
export const problemSchema: JsonObject = {
  type: 'object',
  description: 'An error, as RFC 9457 has it, with members of our own.',
  properties: {
    title: { type: 'string', description: 'The status, for people.' },
    status: { type: 'integer', description: 'The status of the response.' },
    detail: { type: 'string', description: 'What is wrong, for people.' },
    error: { type: 'string', description: 'The reason, for programs: it is stable.' },
    message: { type: 'string', description: 'The same as `detail`.' },
    code: { type: 'string', description: 'The code of the same error over Connect.' },
    metadata: {
      type: 'object',
      description: 'What the error is about, such as `order_id`.',
      additionalProperties: { type: 'string' },
    },
    violations: {
      type: 'array',
      description: 'Everything that is wrong with the request; `metadata.violations` is their number.',
      items: {
        type: 'object',
        properties: {
          field: { type: 'string', description: 'The field or parameter; empty: the request.' },
          reason: { type: 'string', description: 'The violated rule.' },
          message: { type: 'string', description: 'What is wrong with it, for people.' },
        },
        required: ['field', 'reason', 'message'],
      },
    },
  },
  required: ['title', 'status', 'detail', 'error', 'message', 'code'],
};

/** Errors of Connect. */
export const connectErrorSchema: JsonObject = {
  type: 'object',
  description: 'An error, as Connect has it.',
  properties: {
    code: { type: 'string', description: 'The code of the error.' },
    message: { type: 'string', description: 'What is wrong, for people.' },
    details: {
      type: 'array',
      description: 'Messages with details; `google.rpc.ErrorInfo` has the reason.',
      items: {
        type: 'object',
        properties: {
          type: { type: 'string', description: 'The full name of the message.' },
          value: { type: 'string', contentEncoding: 'base64' },
          debug: { description: 'The message as JSON.' },
        },
        required: ['type', 'value'],
      },
    },
  },
  required: ['code'],
};

/** Node sends it before there is a call. */
const headersTooLarge: JsonObject = {
  description: 'Path, query and headers together have more than 16 KiB.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/ConnectError' } } },
};

const retryAfter: JsonObject = {
  'Retry-After': {
    description: 'After how many seconds the call may be repeated.',
    schema: { type: 'integer' },
  },
};

/** Describes the errors of a REST route by their status. `own`: those that the contract names for its method. */
export function errorResponses(own: readonly NamedError[], hasBody: boolean, declared: Reasons): JsonObject {
  const reasons = withOthers(declared, own);
  const common = new Set<string>([...reasonsOfCalls, ...(hasBody ? reasonsOfBodies : [])]);
  const byStatus = groupByStatus([...common, ...own.map(({ reason }) => reason)], reasons);
  const responses = [...byStatus].map(([status, names]) => {
    const isCommon = names.every((name) => common.has(name));
    return [status, isCommon ? refer(status) : problemResponse(status, names, reasons)] as const;
  });
  return Object.fromEntries([...responses, [431, refer(431)] as const]);
}

/** The responses that many routes have, as components of the document. */
export function commonErrorResponses(reasons: Reasons): JsonObject {
  const byStatus = groupByStatus([...reasonsOfCalls, ...reasonsOfBodies], reasons);
  const responses = [...byStatus].map(
    ([status, names]) => [nameOf(status), problemResponse(status, names, reasons)] as const,
  );
  return Object.fromEntries([...responses, [nameOf(431), headersTooLarge] as const]);
}

function groupByStatus(names: readonly string[], reasons: Reasons): Map<number, string[]> {
  return Map.groupBy(new Set(names), (name) => declarationOf(name, reasons).status);
}

function refer(status: number): JsonObject {
  return { $ref: `#/components/responses/${nameOf(status)}` };
}

/** `BadRequest` */
function nameOf(status: number): string {
  return (STATUS_CODES[status] ?? String(status)).replaceAll(/\W/g, '');
}

/** Adds the reasons that are not declared here, because they are those of another service. */
function withOthers(declared: Reasons, errors: readonly NamedError[]): Reasons {
  const others = errors.map(({ reason, code }) => {
    const { status } = toProblem(new ConnectError('', code), {});
    return [reason, { code, status, description: '' }] as const;
  });
  return { ...Object.fromEntries(others), ...declared };
}

function declarationOf(reason: string, reasons: Reasons): ReasonDeclaration {
  const declaration = reasons[reason];
  if (declaration === undefined) throw new Error(`the reason ${reason} is not declared`);
  return declaration;
}

function problemResponse(status: number, names: readonly string[], reasons: Reasons): JsonObject {
  const lines = names.map((name) => {
    const { description } = declarationOf(name, reasons);
    return `- \`${name.toLowerCase()}\`${description && `: ${forRest(description)}`}`;
  });
  const properties = {
    status: { const: status },
    ...(names.every((name) => !isRefined(declarationOf(name, reasons))) && {
      error: { enum: names.map((name) => name.toLowerCase()) },
    }),
  };
  return {
    description: `${STATUS_CODES[status]}\n\n${lines.join('\n')}`,
    ...(isWorthRepeating(status) && { headers: retryAfter }),
    content: {
      [problemContentType]: {
        schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties }] },
        examples: Object.fromEntries(
          names.map((name) => [name.toLowerCase(), { value: exampleOf(name, reasons) }] as const),
        ),
      },
    },
  };
}

/** Whether the member `error` may be more exact than the reason. */
function isRefined(declaration: ReasonDeclaration): boolean {
  return declaration.errorByViolation !== undefined;
}

/** What REST has instead of details in protobuf. */
function forRest(description: string): string {
  return description
    .replaceAll(/`google\.rpc\.(?:BadRequest|PreconditionFailure)`/g, '`violations`')
    .replace('the `retry_delay` of the `google.rpc.RetryInfo`', 'the time in `Retry-After`');
}

function exampleOf(name: string, reasons: Reasons): JsonValue {
  const { description } = declarationOf(name, reasons);
  const [sentence = name.toLowerCase().replaceAll('_', ' ')] =
    /^.+?(?=[.;:](?:\s|$))/s.exec(forRest(description)) ?? [];
  const error =
    name === 'INVALID_REQUEST'
      ? invalidRequest([
          { field: 'page_size', description: 'must be less than or equal to 1000', reason: 'int32.gte_lte' },
        ])
      : errorsOf(reasons)(name, sentence);
  return toProblem(error, reasons).body as JsonObject;
}

/** Describes the errors of a GET of Connect by their status, which is that of their code. */
export function connectErrorResponses(own: readonly NamedError[], declared: Reasons): JsonObject {
  const reasons = withOthers(declared, own);
  const names = [...reasonsOfCalls, 'MESSAGE_TOO_LARGE', ...own.map(({ reason }) => reason)];
  const byStatus = Map.groupBy(new Set(names), (name) => codeToHttpStatus(declarationOf(name, reasons).code));
  const responses = [...byStatus].map(([status, names]) => {
    const lines = names.map((name) => `- \`${codeToString(declarationOf(name, reasons).code)}\`, ${name}`);
    const description = `${STATUS_CODES[status]}\n\n${lines.join('\n')}`;
    return [status, { ...headersTooLarge, description }] as const;
  });
  return Object.fromEntries([...responses, [431, headersTooLarge] as const]);
}
