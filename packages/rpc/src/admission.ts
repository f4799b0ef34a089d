import { getDefaultHighWaterMark } from 'node:stream';
import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
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
import { checkJsonShape, checkWireShape, maxElements, ShapeError } from '@orderflow/contracts';
import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import { rpcError } from './errors.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { invalidRequest } from './invalid-request.ts';
import { overloaded } from './memory-budget.ts';
import { type OpenResponse, responseKey } from './responses.ts';
import { untilAborted } from './until-aborted.ts';

/** Compressions that requests may use. */
export const acceptedCompressions: readonly Compression[] = [compressionGzip, compressionBrotli];

const KIB = 1024;
/** Several times the size in JSON of any message without lists, with every character escaped. */
const MESSAGE_BYTES = 32 * KIB;
/** The same for an element of a list. */
const ELEMENT_BYTES = 4 * KIB;
/** The flags and length in front of each message of a stream, and of the message of a gRPC call. */
const PREFIX_BYTES = 5;
/**
 * Responses are written in pieces of the size of a stream's buffer, so that the next is produced when it has drained.
 */
const PIECE_BYTES = getDefaultHighWaterMark(false);

/** The largest request of a method in bytes, before and after decompression: the longest that its contract allows. */
export function maxRequestBytes(method: DescMethod): number {
  return MESSAGE_BYTES + ELEMENT_BYTES * maxElements(method.input);
}

/** An admitted call, and how its request is checked. */
interface Admitted {
  readonly input: DescMessage;
  readonly method: string;
  readonly maxBytes: number;
  readonly isJson: boolean;
  /** Whether messages are prefixed with flags and length. */
  readonly isFramed: boolean;
  readonly compression: Compression | undefined;
  readonly response: OpenResponse;
  /** Aborted when the call has ended. */
  readonly signal: AbortSignal;
}

/**
 * The size of a compressed request is known only after decompression, so it is charged then: only as many requests are
 * decompressed at once as Node has threads for it, and a limited number waits.
 */
const unpacking = bulkhead(4, 256);

const admittedKey: ContextKey<Admitted | undefined> = createContextKey<Admitted | undefined>(undefined);

/**
 * Bounds the memory that requests take, in all protocols, before they are decoded: bytes (MESSAGE_TOO_LARGE), elements
 * of lists and maps (INVALID_REQUEST), and all calls in flight together (OVERLOADED). Connect decodes a request itself
 * after it has been read, so it is given only bytes that have been checked here.
 */
export function createAdmission(maxBytes: (method: DescMethod) => number): {
  /** Must be called for every call before its request is read. */
  gate(context: HandlerContext): Promise<void>;
  /** Wraps the handlers so that they read only admitted bytes. */
  guard(handlers: readonly UniversalHandler[]): UniversalHandler[];
} {
  return {
    async gate(context) {
      const { method, protocolName, requestHeader, responseHeader } = context;
      const response = context.values.get(responseKey);
      if (response === undefined) throw new Error('an admitted call has no response');
      // From now on it is charged as a call, no longer as a request.
      response.charge.hold(0);
      const isFramed = protocolName !== 'connect' || method.methodKind !== 'unary';
      const admitted: Admitted = {
        input: method.input,
        method: method.name,
        maxBytes: maxBytes(method),
        // Connect answers in the format of the request.
        isJson: responseHeader.get('content-type')?.endsWith('json') ?? false,
        isFramed,
        compression: compressionNamed(requestHeader.get(encodingHeader(protocolName, isFramed))),
        response,
        signal: context.signal,
      };
      context.values.set(admittedKey, admitted);
      if (context.requestMethod === 'GET') await checkQuery(new URL(context.url).searchParams, admitted);
    },

    guard: (handlers) =>
      handlers.map((handler) =>
        Object.assign(
          async (req: UniversalServerRequest) =>
            chargedResponse(
              await handler({ ...req, body: admittedBody(req) }),
              req.contextValues?.get(admittedKey),
            ),
          {
            protocolNames: handler.protocolNames,
            service: handler.service,
            method: handler.method,
            requestPath: handler.requestPath,
            allowedMethods: handler.allowedMethods,
            supportedContentType: handler.supportedContentType,
          },
        ),
      ),
  };
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

async function* admittedBody({
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
  await check(whole, admitted.compression, admitted);
  yield whole;
}

/** Yields messages one by one, each with its prefix. */
async function* admittedFrames(
  bytes: AsyncIterable<Uint8Array>,
  admitted: Admitted,
): AsyncGenerator<Uint8Array> {
  const gathered = new GatheredBytes();
  let wanted = PREFIX_BYTES;
  for await (const chunk of bytes) {
    gathered.add(chunk);
    while (gathered.length >= wanted) {
      const frameBytes = PREFIX_BYTES + gathered.peek().readUInt32BE(1);
      if (frameBytes > PREFIX_BYTES + admitted.maxBytes) throw tooLarge(admitted);
      wanted = frameBytes;
      if (gathered.length < wanted) break;
      const frame = gathered.take(wanted);
      admitted.response.charge.hold(wanted);
      const isCompressed = ((frame[0] ?? 0) & compressedFlag) !== 0;
      await check(frame.subarray(PREFIX_BYTES), isCompressed ? admitted.compression : undefined, admitted);
      yield frame;
      wanted = PREFIX_BYTES;
    }
    admitted.response.charge.hold(gathered.length);
  }
  // The end of a message is missing; Connect reports that.
  if (gathered.length > 0) yield gathered.peek();
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
  await check(bytes, compressionNamed(query.get('compression')), admitted);
}

async function check(
  bytes: Uint8Array,
  compression: Compression | undefined,
  admitted: Admitted,
): Promise<void> {
  const { input, maxBytes, isJson, response, signal } = admitted;
  let message = bytes;
  if (compression !== undefined) {
    message = await inTurn(signal, async () => {
      const unpacked = await compression.decompress(Uint8Array.from(bytes), maxBytes);
      // Before the next one is decompressed: a request that exceeds the budget is dropped at once.
      response.charge.hold(bytes.length + unpacked.length);
      return unpacked;
    });
  }
  if (message.length > maxBytes) throw tooLarge(admitted);
  try {
    if (isJson) checkJsonShape(input, message);
    else checkWireShape(input, message);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const { field, description, rule } = error;
    if (rule !== undefined) throw invalidRequest([{ field, description, reason: rule }]);
    throw rpcError('MALFORMED_REQUEST', `the request is not ${input.typeName}: ${error.message}`);
  }
}

/** @throws OVERLOADED when too many requests wait; the reason of the signal. */
async function inTurn<T>(signal: AbortSignal, unpack: () => Promise<T>): Promise<T> {
  try {
    // Waits no longer than the call's deadline.
    return await untilAborted(unpacking.execute(unpack, signal), signal, () => {});
  } catch (error) {
    if (!(error instanceof BulkheadRejectedError)) throw error;
    throw overloaded('the server has too many requests to decompress: repeat later');
  }
}

function compressionNamed(name: string | null): Compression | undefined {
  return acceptedCompressions.find((compression) => compression.name === name);
}

function encodingHeader(protocolName: string, isFramed: boolean): string {
  if (protocolName !== 'connect') return 'grpc-encoding';
  return isFramed ? 'connect-content-encoding' : 'content-encoding';
}

/** The error that Connect has for its own limit; it gets its reason together with Connect's errors. */
function tooLarge({ maxBytes, method }: Admitted): ConnectError {
  return new ConnectError(`${method} accepts requests of at most ${maxBytes} bytes`, Code.ResourceExhausted);
}
