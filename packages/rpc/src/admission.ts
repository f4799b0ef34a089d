import type { DescMethod } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import {
  Code,
  ConnectError,
  type ContextKey,
  createContextKey,
  type HandlerContext,
} from '@connectrpc/connect';
import {
  type Compression,
  compressedFlag,
  type UniversalHandler,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from '@connectrpc/connect/protocol';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import { type Admitted, checkPacked, Frames, PREFIX_BYTES, tooLarge } from './admitted.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { PIECE_BYTES, responseKey } from './responses.ts';
import { restCallKey } from './rest/rest-call.ts';

/** Compressions that requests may use. */
export const acceptedCompressions: readonly Compression[] = [compressionGzip, compressionBrotli];

/** An admitted call, and the form of its request. */
interface AdmittedCall extends Admitted {
  /** Whether messages are prefixed with flags and length. */
  readonly isFramed: boolean;
}

const admittedKey: ContextKey<AdmittedCall | undefined> = createContextKey<AdmittedCall | undefined>(
  undefined,
);

/**
 * Creates the gate that must be called for every call before its request is read. Bounds the memory that requests take,
 * in all protocols, before they are decoded: bytes (MESSAGE_TOO_LARGE), elements of lists and maps (INVALID_REQUEST),
 * and all calls in flight together (OVERLOADED). Connect decodes a request itself after it has been read, so it is given
 * only bytes that have been checked here, see {@link guardHandlers} and {@link admittedBody}.
 */
export function createAdmissionGate(
  maxBytes: (method: DescMethod) => number,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    const { method, protocolName, requestHeader, responseHeader } = context;
    const response = context.values.get(responseKey);
    if (response === undefined) throw new Error('an admitted call has no response');
    // From now on it is charged as a call, no longer as a request.
    response.charge.hold(0);
    const rest = context.values.get(restCallKey);
    const isFramed = protocolName !== 'connect' || method.methodKind !== 'unary';
    const admitted: AdmittedCall = {
      method,
      maxBytes: maxBytes(method),
      restBody: rest?.bodyDesc,
      // Connect responds in the format of the request.
      isJson: rest !== undefined || (responseHeader.get('content-type')?.endsWith('json') ?? false),
      isFramed,
      compression: rest
        ? rest.bodyCompression
        : compressionNamed(requestHeader.get(encodingHeader(protocolName, isFramed))),
      response,
      signal: context.signal,
    };
    context.values.set(admittedKey, admitted);
    if (context.requestMethod === 'GET') await checkQuery(new URL(context.url).searchParams, admitted);
  };
}

/** Wraps handlers so that they read only admitted bytes, and their responses are charged for. */
export function guardHandlers(handlers: readonly UniversalHandler[]): UniversalHandler[] {
  return handlers.map((handler) => {
    const guarded = async (req: UniversalServerRequest) =>
      chargedResponse(
        await handler({ ...req, body: admittedBody(req) }),
        req.contextValues?.get(admittedKey),
      );
    return Object.assign(guarded, {
      protocolNames: handler.protocolNames,
      service: handler.service,
      method: handler.method,
      requestPath: handler.requestPath,
      allowedMethods: handler.allowedMethods,
      supportedContentType: handler.supportedContentType,
    });
  });
}

function chargedResponse(
  response: UniversalServerResponse,
  admitted: Admitted | undefined,
): UniversalServerResponse {
  // A call that was refused at once has neither.
  if (admitted === undefined || response.body === undefined) return response;
  return { ...response, body: inPieces(response.body, admitted) };
}

/**
 * Charges for bytes that have not been sent. When the budget is exhausted the response is cut: OVERLOADED would say
 * that nothing was done, which is not true.
 */
async function* inPieces(
  body: AsyncIterable<Uint8Array>,
  { response }: Admitted,
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      const chunk = next.value;
      let at = 0;
      do {
        if (!response.charge.holdResponse(chunk.length - at)) {
          response.cut();
          throw new ConnectError('the response was cut', Code.Aborted);
        }
        yield chunk.subarray(at, at + PIECE_BYTES);
        at += PIECE_BYTES;
      } while (at < chunk.length);
    }
  } catch (error) {
    // Connect has to know what could not be written.
    chunks.throw?.(error).catch(() => {});
    throw error;
  } finally {
    chunks.return?.().catch(() => {});
  }
}

/** Yields the body of a call that has passed the gate, when it has been checked: in one piece, or message by message. */
export async function* admittedBody({
  body,
  contextValues,
  header,
}: UniversalServerRequest): AsyncGenerator<Uint8Array> {
  const admitted = contextValues?.get(admittedKey);
  if (admitted === undefined) throw new Error('a request is read that was not admitted');
  const bytes = body as AsyncIterable<Uint8Array>;
  if (admitted.isFramed) {
    yield* admittedFrames(bytes, admitted);
    return;
  }
  if (Number(header.get('content-length') ?? 0) > admitted.maxBytes) throw tooLarge(admitted);
  const gathered = new GatheredBytes();
  for await (const chunk of bytes) {
    if (gathered.length + chunk.length > admitted.maxBytes) throw tooLarge(admitted);
    gathered.add(chunk);
    admitted.response.charge.hold(gathered.length);
  }
  const whole = gathered.peek();
  await checkPacked(whole, admitted.compression, admitted);
  yield whole;
}

/** Yields messages one by one, each with its prefix. */
async function* admittedFrames(
  bytes: AsyncIterable<Uint8Array>,
  admitted: Admitted,
): AsyncGenerator<Uint8Array> {
  const frames = new Frames(admitted, admitted.response.charge);
  for await (const chunk of bytes) {
    frames.add(chunk);
    for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
      const isCompressed = ((frame[0] ?? 0) & compressedFlag) !== 0;
      const compression = isCompressed ? admitted.compression : undefined;
      frames.keep(await checkPacked(frame.subarray(PREFIX_BYTES), compression, admitted));
      yield frame;
    }
  }
  // The end of a message is missing; Connect reports that.
  if (frames.hasRest) yield frames.rest();
}

/** Checks the request of a GET, which is in its URL. Connect reports a malformed URL. */
async function checkQuery(query: URLSearchParams, admitted: Admitted): Promise<void> {
  const message = query.get('message') ?? '';
  let bytes: Uint8Array;
  try {
    bytes = query.get('base64') === '1' ? base64Decode(message) : Buffer.from(message);
  } catch {
    return;
  }
  admitted.response.charge.hold(bytes.length);
  await checkPacked(bytes, compressionNamed(query.get('compression')), admitted);
}

/** The compression that a request may use by this name; undefined when there is none. */
export function compressionNamed(name: string | null): Compression | undefined {
  return acceptedCompressions.find((compression) => compression.name === name);
}

function encodingHeader(protocolName: string, isFramed: boolean): string {
  if (protocolName !== 'connect') return 'grpc-encoding';
  return isFramed ? 'connect-content-encoding' : 'content-encoding';
}
