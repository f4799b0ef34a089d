import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { DescMethodUnary, DescService, Message } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type ContextValues,
  type HandlerContext,
  type UnaryResponse,
} from '@connectrpc/connect';
import {
  type Compression,
  compressedFlag,
  encodeEnvelope,
  envelopeCompress,
} from '@connectrpc/connect/protocol';
import { contentTypeProto, grpcStatusOk, setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { checkMessage, Frames, PREFIX_BYTES } from './admitted.ts';
import { CallEnd, hasEnded, resetBy } from './call-end.ts';
import { rpcError } from './errors.ts';
import { sendResponse } from './grpc-response.ts';
import { nodeHeaders, webHeaders } from './http-headers.ts';
import { cutStream, type OpenResponse } from './responses.ts';
import { encodingTrailers } from './trailers.ts';

/** A unary method, and what all its calls have in common. */
export interface UnaryMethod {
  readonly method: DescMethodUnary;
  /** The largest request in bytes. */
  readonly maxBytes: number;
  /** Responses of fewer bytes are not compressed. */
  readonly compressMinBytes: number;
  /** Calls the handler, inside the interceptor. */
  readonly handle: (call: UnaryCall) => Promise<UnaryResponse>;
  readonly parse: (bytes: Uint8Array) => Message;
  readonly serialize: (message: Message) => Uint8Array;
  /** The URL of the method at an authority; undefined when that is invalid. */
  readonly urlAt: (authority: string) => string | undefined;
  /** See `createCallGate`. */
  readonly gate: (context: HandlerContext) => void | Promise<void>;
  /** The time for the whole request to arrive. */
  readonly requestTimeoutMs: number;
  /** The calls in flight. */
  readonly open: Set<UnaryCall>;
  /** Called with an error of the server that cannot reach a caller. */
  readonly onFault: (error: unknown) => void;
}

/** The request of a call. */
export interface UnaryStream {
  readonly http2: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  /** Its deadline, from now. */
  readonly timeoutMs: number | undefined;
  /** For the response. */
  readonly compression: Compression | null;
  readonly response: OpenResponse;
  readonly values: ContextValues;
}

const okTrailer = { 'grpc-status': grpcStatusOk };

/** Connect's texts, so that callers need not know who has answered. */
const errors = {
  compressed: 'received compressed envelope, but do not know how to decompress',
  extra: 'protocol error: received extra input message for unary method',
  incomplete: 'protocol error: incomplete envelope',
  missing: 'protocol error: missing input message for unary method',
  timeout: 'the operation timed out',
};

/**
 * A call of a unary method in gRPC over HTTP/2, in protobuf, whose request is not compressed: does what Connect does
 * for any call, without its streams of streams, which take most of the time of a small call. It is what the handler
 * gets as its context and the interceptor as its request; headers and trailers are made when they are asked for.
 */
export class UnaryCall implements HandlerContext {
  readonly protocolName = 'grpc';
  readonly requestMethod = 'POST';
  readonly stream = false;
  readonly method: DescMethodUnary;
  readonly service: DescService;
  readonly url: string;
  readonly values: ContextValues;
  readonly timeoutMs: () => number | undefined;
  /** Its end: the response, the deadline, or a reset. */
  readonly ending = new CallEnd();
  /** The request, once it has arrived. */
  message: Message | undefined;

  readonly #method: UnaryMethod;
  readonly #request: UnaryStream;
  readonly #frames: Frames;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #reading: NodeJS.Timeout | undefined;
  /** Before its handler is called. */
  #isReading = true;
  /** Its response has been decided. */
  #isOver = false;

  constructor(method: UnaryMethod, request: UnaryStream) {
    this.#method = method;
    this.#request = request;
    this.method = method.method;
    this.service = method.method.parent;
    this.url = request.url;
    this.values = request.values;
    const { timeoutMs } = request;
    const endsAt = timeoutMs === undefined ? undefined : Date.now() + timeoutMs;
    this.timeoutMs = () => endsAt && endsAt - Date.now();
    this.#frames = new Frames(method, request.response.charge);
  }

  get signal(): AbortSignal {
    return this.ending.signal;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= webHeaders(this.#request.headers);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers(this.#initialHeader() as Record<string, string>);
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= encodingTrailers(new Headers(okTrailer));
    return this.#responseTrailer;
  }

  /** One header of the request: an object of all of them costs more than many a call. */
  headerValue(name: string): string | undefined {
    return this.#request.headers[name]?.toString();
  }

  /** The name by which the interceptor knows `requestHeader`. */
  get header(): Headers {
    return this.requestHeader;
  }

  /** The name by which the interceptor knows `values`. */
  get contextValues(): ContextValues {
    return this.values;
  }

  /** Reads the request, calls the handler and responds; never throws. */
  begin(): void {
    const { http2, timeoutMs, response } = this.#request;
    const { gate, open } = this.#method;
    open.add(this);
    http2.on('close', () => {
      open.delete(this);
      clearTimeout(this.#reading);
      this.abort(http2.rstCode === constants.NGHTTP2_NO_ERROR ? hasEnded : resetBy(http2.rstCode));
      // Node keeps the stream until all memory is collected, and with it all that its listeners refer to.
      http2.removeAllListeners();
    });
    const timedOut = () => new ConnectError(errors.timeout, Code.DeadlineExceeded);
    if (timeoutMs !== undefined && timeoutMs > 0) {
      this.#deadline = setTimeout(() => this.abort(timedOut()), timeoutMs);
    } else if (timeoutMs !== undefined) {
      // The gate refuses it.
      this.ending.abort(timedOut());
    }
    try {
      const admitted = gate(this);
      // From now on it is charged as a call, no longer as a request.
      response.charge.hold(0);
      if (admitted === undefined) this.#beginReading();
      else void this.#beginReadingAfter(admitted);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #beginReadingAfter(admitted: Promise<void>): Promise<void> {
    try {
      await admitted;
      if (!this.#isOver && !this.#request.http2.closed) this.#beginReading();
    } catch (error) {
      this.#fail(error);
    }
  }

  #beginReading(): void {
    const { http2 } = this.#request;
    const { requestTimeoutMs } = this.#method;
    this.#reading = setTimeout(() => {
      this.#fail(rpcError('DEADLINE_EXCEEDED', `the request did not arrive within ${requestTimeoutMs} ms`));
    }, requestTimeoutMs);
    http2.on('data', (bytes: Buffer) => this.#read(bytes));
    http2.on('end', () => this.#onWhole());
  }

  /** Aborts the call unless it is over; a request that is still being read gets the reason as its response. */
  abort(reason: unknown): void {
    if (this.ending.aborted) return;
    clearTimeout(this.#deadline);
    this.ending.abort(reason);
    if (this.#isReading) this.#fail(reason);
  }

  #read(bytes: Buffer): void {
    try {
      this.#frames.add(bytes);
      for (let frame = this.#frames.next(); frame; frame = this.#frames.next()) this.#take(frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(frame: Buffer): void {
    const bytes = frame.subarray(PREFIX_BYTES);
    checkMessage(bytes, this.#method);
    if (((frame[0] ?? 0) & compressedFlag) !== 0) {
      throw new ConnectError(errors.compressed, Code.Internal);
    }
    const message = this.#method.parse(bytes);
    if (this.message !== undefined) throw new ConnectError(errors.extra, Code.Unimplemented);
    this.message = message;
  }

  #onWhole(): void {
    clearTimeout(this.#reading);
    // A stream that was reset ends, too.
    if (this.#isOver || this.#request.http2.closed) return;
    if (this.#frames.hasRest) {
      this.#fail(new ConnectError(errors.incomplete, Code.InvalidArgument));
    } else if (this.message === undefined) {
      this.#fail(new ConnectError(errors.missing, Code.Unimplemented));
    } else {
      this.#isReading = false;
      void this.#run();
    }
  }

  async #run(): Promise<void> {
    const { handle, serialize, compressMinBytes } = this.#method;
    const { compression } = this.#request;
    try {
      const bytes = serialize((await handle(this)).message);
      const { flags, data } =
        compression === null || bytes.length < compressMinBytes
          ? { flags: 0, data: bytes }
          : await envelopeCompress({ flags: 0, data: bytes }, compression, compressMinBytes);
      if (this.#isOver) return;
      this.#isOver = true;
      await this.#respond(encodeEnvelope(flags, data));
      this.abort(hasEnded);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#reading);
    // The gate gives the error its reason then.
    this.abort(error);
    const shown =
      error instanceof ConnectError
        ? error
        : new ConnectError('internal error', Code.Internal, undefined, undefined, error);
    try {
      setTrailerStatus(this.responseTrailer, shown);
    } catch (fault) {
      // Its details cannot be encoded.
      this.#onFault(fault);
      return;
    }
    void this.#respond();
  }

  async #respond(frame?: Uint8Array): Promise<void> {
    const { http2, response } = this.#request;
    const header = this.#responseHeader ? nodeHeaders(this.#responseHeader) : this.#initialHeader();
    const trailer = this.#responseTrailer ? nodeHeaders(this.#responseTrailer) : okTrailer;
    const onFault = (fault: unknown) => this.#onFault(fault);
    await sendResponse(http2, { header, frame, trailer }, response, onFault);
  }

  #onFault(fault: unknown): void {
    this.#method.onFault(fault);
    cutStream(this.#request.http2, constants.NGHTTP2_INTERNAL_ERROR);
  }

  #initialHeader(): OutgoingHttpHeaders {
    const { compression } = this.#request;
    return { 'content-type': contentTypeProto, ...(compression && { 'grpc-encoding': compression.name }) };
  }
}
