import type { ConnectError } from '@connectrpc/connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { ErrorInfoSchema } from '@orderflow/contracts/google/rpc/error_details';

/** The largest trailers of an error: the lowest default limit of common clients, gRPC among them. */
const TRAILERS_MAX_BYTES = 8 * 1024;

/** The overhead per header, besides its name and its value, by which HTTP/2 counts. */
const HEADER_OVERHEAD_BYTES = 32;

const messageHeader = 'grpc-message';

/** Percent-encodes only what gRPC requires: what is not printable ASCII, and the percent sign. */
export function encodeGrpcMessage(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/gu, encodeURIComponent);
}

/**
 * Makes the trailers encode a message by {@link encodeGrpcMessage}. Connect percent-encodes more than it has to, and
 * some clients, grpc-js among them, then show `%3A` to their users.
 */
export function encodingTrailers(trailers = new Headers()): Headers {
  const set = trailers.set.bind(trailers);
  return Object.assign(trailers, {
    set(name: string, value: string) {
      set(name, name.toLowerCase() === messageHeader ? encodeGrpcMessage(decodeURIComponent(value)) : value);
    },
  });
}

/** The trailers with which a gRPC client gets this error. */
export function trailersOf(error: ConnectError): Headers {
  return setTrailerStatus(encodingTrailers(), error);
}

function sizeOf(error: ConnectError): number {
  let bytes = 0;
  for (const [name, value] of trailersOf(error)) bytes += name.length + value.length + HEADER_OVERHEAD_BYTES;
  return bytes;
}

type Detail = ConnectError['details'][number];

/**
 * Shrinks an error, in place, until its trailers have at most 8 KiB on the wire, or less if the peer accepts less; in
 * all protocols, so that all callers get the same error. It keeps the first violations; if that is not enough only the
 * `ErrorInfo`, then only its reason, then only the code.
 */
export function fitTrailers(error: ConnectError, peerMaxBytes = TRAILERS_MAX_BYTES): void {
  // Lone surrogates, which JSON can express, cannot be encoded.
  const { message, rawMessage, details: given } = error;
  Object.assign(error, { message: message.toWellFormed(), rawMessage: rawMessage.toWellFormed() });
  error.details = given.map(wellFormed);
  const maxBytes = Math.min(peerMaxBytes, TRAILERS_MAX_BYTES);
  const fits = () => sizeOf(error) <= maxBytes;
  if (fits()) return;
  const { details } = error;
  const longest = details.reduce((most, detail) => Math.max(most, violationsOf(detail)?.length ?? 0), 0);
  // Finds the largest number that fits: if n fit, fewer fit too.
  let kept = 0;
  for (let step = longest; step > 0; step = Math.floor(step / 2)) {
    while (kept + step <= longest) {
      error.details = details.map((detail) => withViolations(detail, kept + step));
      if (!fits()) break;
      kept += step;
    }
  }
  const withoutLists = details.filter((detail) => violationsOf(detail) === undefined);
  error.details = kept > 0 ? details.map((detail) => withViolations(detail, kept)) : withoutLists;
  if (fits()) return;
  error.details = withoutLists.filter(isErrorInfo);
  if (fits()) return;
  error.details = error.details.map(
    (detail) => ({ ...detail, value: { ...contentOf(detail), metadata: {} } }) as Detail,
  );
  if (fits()) return;
  Object.assign(error, { message: '', rawMessage: '' });
  if (fits()) return;
  error.details = [];
}

/** Replaces lone surrogates in all texts. */
function wellFormed<T>(value: T): T {
  if (typeof value === 'string') return value.toWellFormed() as T;
  if (Array.isArray(value)) return value.map(wellFormed) as T;
  // Descriptors, and bytes that are encoded already, are left unchanged.
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name.toWellFormed(),
      name === 'desc' ? part : wellFormed(part),
    ]),
  ) as T;
}

function isErrorInfo(detail: Detail): boolean {
  return 'desc' in detail && detail.desc.typeName === ErrorInfoSchema.typeName;
}

function contentOf(detail: Detail): Record<string, unknown> {
  return 'desc' in detail ? (detail.value as Record<string, unknown>) : {};
}

/** The names that `google.rpc.BadRequest` and `PreconditionFailure` have for their lists. */
const listNames = ['fieldViolations', 'violations'];

function violationsOf(detail: Detail): readonly unknown[] | undefined {
  const value = contentOf(detail);
  return listNames.map((name) => value[name]).find(Array.isArray);
}

function withViolations(detail: Detail, count: number): Detail {
  const value = contentOf(detail);
  const name = listNames.find((name) => Array.isArray(value[name]));
  if (name === undefined) return detail;
  return { ...detail, value: { ...value, [name]: violationsOf(detail)?.slice(0, count) } } as Detail;
}
