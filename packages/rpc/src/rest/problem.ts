import { STATUS_CODES } from 'node:http';
import { Code, type ConnectError } from '@connectrpc/connect';
import { codeToHttpStatus, codeToString } from '@connectrpc/connect/protocol-connect';
import {
  BadRequestSchema,
  PreconditionFailureSchema,
  RetryInfoSchema,
} from '@orderflow/contracts/google/rpc/error_details';
import { errorInfo, type ReasonDeclaration } from '../errors.ts';
import type { HttpResponse } from '../http.ts';

export const problemContentType = 'application/problem+json';

/** After how many seconds a call is worth repeating when the error does not say so itself. */
const RETRY_AFTER_SECONDS = 1;

/** An error as `application/problem+json`, RFC 9457. */
export interface Problem {
  readonly status: number;
  /** `retry-after`, where repeating the call later helps. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The HTTP status of each reason, and its name. */
export type ReasonStatuses = Readonly<Record<string, Pick<ReasonDeclaration, 'status' | 'errorByViolation'>>>;

/**
 * Converts an error. Its status is that of its reason; for one that is not declared here, which comes from another
 * service, that of its code. `nameOf` returns what the caller calls a field.
 */
export function toProblem(
  error: ConnectError,
  reasons: ReasonStatuses,
  nameOf: (field: string) => string = (field) => field,
): Problem {
  const info = errorInfo(error);
  const declared = info && reasons[info.reason];
  const status = declared?.status ?? statusOf(error.code);
  const violations = violationsOf(error, nameOf);
  const message = withName(error, nameOf);
  return {
    status,
    headers: isWorthRepeating(status) ? { 'retry-after': String(retryAfterSeconds(error)) } : {},
    body: {
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: message,
      // The same as other APIs name it.
      error:
        (declared?.errorByViolation && onlyType(error, declared.errorByViolation)) ??
        (info?.reason ?? Code[error.code] ?? 'internal').toLowerCase(),
      message,
      code: codeToString(error.code),
      ...(info && Object.keys(info.metadata).length > 0 && { metadata: info.metadata }),
      ...(violations.length > 0 && { violations }),
    },
  };
}

/** Whether a response with this status says when to repeat the call. */
export function isWorthRepeating(status: number): boolean {
  return status === 503 || status === 429;
}

/** The status of the reasons that services declare with this code, which Connect has as 400 and 409. */
function statusOf(code: Code): number {
  if (code === Code.FailedPrecondition) return 409;
  return code === Code.Aborted ? 412 : codeToHttpStatus(code);
}

/** What is wrong with which field; `reason` is the violated rule, or why the order would be rejected. */
interface Violation {
  readonly field: string;
  readonly reason: string;
  readonly message: string;
}

function violationsOf(error: ConnectError, nameOf: (field: string) => string): Violation[] {
  const ofContract = badFields(error);
  const ofState = error.findDetails(PreconditionFailureSchema).flatMap(({ violations }) => violations);
  return [
    ...ofContract.map(({ field, reason, description }) => ({
      field: nameOf(field),
      reason,
      message: description,
    })),
    ...ofState.map(({ subject, type, description }) => ({
      field: nameOf(subject),
      reason: type.toLowerCase(),
      message: description,
    })),
  ];
}

function badFields(error: ConnectError) {
  return error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
}

/** The text of an error; that of INVALID_REQUEST begins with the first field. */
function withName(error: ConnectError, nameOf: (field: string) => string): string {
  const text = error.rawMessage;
  const [{ field } = { field: '' }] = badFields(error);
  return field !== '' && text.startsWith(`${field}: `) ? `${nameOf(field)}${text.slice(field.length)}` : text;
}

/** The name of the type that all violations have; undefined when there are several types, or not all are known. */
function onlyType(error: ConnectError, names: Readonly<Record<string, string>>): string | undefined {
  const present = error.findDetails(PreconditionFailureSchema).flatMap(({ violations }) => violations);
  const count = Number(errorInfo(error)?.metadata['violations'] ?? present.length);
  const [type, ...others] = new Set(present.map(({ type }) => type));
  if (type === undefined || others.length > 0 || count > present.length) return undefined;
  return names[type] ?? type.toLowerCase();
}

function retryAfterSeconds(error: ConnectError): number {
  const [{ retryDelay } = { retryDelay: undefined }] = error.findDetails(RetryInfoSchema);
  if (retryDelay === undefined) return RETRY_AFTER_SECONDS;
  return Math.max(1, Number(retryDelay.seconds) + (retryDelay.nanos > 0 ? 1 : 0));
}

/** Sends an error that is not the response of a call. */
export function sendProblem(
  res: HttpResponse,
  { status, headers, body }: Problem,
  moreHeaders: Readonly<Record<string, string>> = {},
): void {
  res.writeHead(status, { ...headers, ...moreHeaders, 'content-type': problemContentType });
  res.end(`${JSON.stringify(body, undefined, 2)}\n`);
}
