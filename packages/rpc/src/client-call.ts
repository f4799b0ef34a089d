import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import type { DescMethodUnary, Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type UnaryResponse } from '@connectrpc/connect';
import { type Compression, compressedFlag, envelopeDecompress } from '@connectrpc/connect/protocol';
import {
  headerGrpcStatus,
  validateResponseWithCompression,
  validateTrailer,
} from '@connectrpc/connect/protocol-grpc';
import type { Http2SessionManager } from '@connectrpc/connect-node';
import { PREFIX_BYTES } from './admitted.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { nodeHeaders, webHeaders } from './http-headers.ts';
import { correctedError, timeoutOf } from './transport-errors.ts';

/** A unary method of a peer, and what all its calls have in common. */
export interface ClientMethod {
  readonly method: DescMethodUnary;
  readonly path: string;
  readonly serialize: (message: Message) => Uint8Array;
  readonly parse: (bytes: Uint8Array) => Message;
  /** The compressions that the response may have. */
  readonly acceptCompression: Compression[];
  /** The largest response in bytes, before and after decompression. */
  readonly readMaxBytes: number;
  /** Opens the streams of calls, and the connections for them. */
  readonly sessions: Http2SessionManager;
}

/** The request of a call. */
export interface ClientRequest {
  readonly header: Headers;
  /** Its message with its prefix. */
  readonly frame: Uint8Array;
  readonly signal: AbortSignal | undefined;
  /** Its deadline, from now. */
  readonly timeoutMs: number | undefined;
}

/** Connect's texts, so that users need not know who has made the call. */
const errors = {
  extra: 'protocol error: received extra output message for unary method',
  failed: 'protocol error: received output message for unary method with error status',
  incomplete: 'protocol error: incomplete envelope',
  missing: 'protocol error: missing output message for unary method',
  timeout: 'the operation timed out',
  tooLarge: (bytes: number, max: number) =>
    `message size ${bytes} is larger than configured readMaxBytes ${max}`,
};

/**
 * A call of a unary method in gRPC over HTTP/2, in protobuf, whose request is not compressed: does what Connect does
 * for any call, without its streams of streams, which take most of the time of a small call.
 */
export class ClientCall {
  readonly #method: ClientMethod;
  readonly #request: ClientRequest;
  readonly #response = Promise.withResolvers<UnaryResponse>();
  readonly #gathered = new GatheredBytes();
  /** Of `performance.now()`. */
  readonly #endsAt: number;
  #deadline: NodeJS.Timeout | undefined;
  #http2: ClientHttp2Stream | undefined;
  #header: Headers | undefined;
  #trailer: Headers | undefined;
  /** The status in the header, when it is not OK. */
  #headerError: ConnectError | undefined;
  #compression: Compression | null = null;
  #message: Message | Promise<Message> | undefined;
  /** The response has ended. */
  #isWhole = false;
  /** Why the stream failed. */
  #fault: ConnectError | undefined;
  /** Its result has been decided. */
  #isOver = false;

  constructor(method: ClientMethod, request: ClientRequest) {
    this.#method = method;
    this.#request = request;
    this.#endsAt = performance.now() + timeoutOf(request.header);
  }

  /** Sends the request. Rejects with a ConnectError. */
  send(): Promise<UnaryResponse> {
    const { header, signal, timeoutMs } = this.#request;
    const { path, sessions } = this.#method;
    if (signal?.aborted) {
      this.#onAbort();
      return this.#response.promise;
    }
    signal?.addEventListener('abort', this.#onAbort);
    if (timeoutMs !== undefined) {
      const timedOut = () => this.#end({ error: new ConnectError(errors.timeout, Code.DeadlineExceeded) });
      this.#deadline = setTimeout(timedOut, timeoutMs);
    }
    sessions.request('POST', path, nodeHeaders(header), {}).then(
      (http2) => this.#begin(http2),
      (error) => this.#fail(ConnectError.from(error, Code.Internal)),
    );
    return this.#response.promise;
  }

  readonly #onAbort = () => {
    this.#end({ error: ConnectError.from(this.#request.signal?.reason, Code.Canceled) });
  };

  #begin(http2: ClientHttp2Stream): void {
    this.#http2 = http2;
    http2.on('error', (error) => {
      this.#fault = ConnectError.from(error, Code.Internal);
    });
    if (this.#isOver) {
      http2.close(constants.NGHTTP2_CANCEL);
      return;
    }
    http2.on('response', (headers) => this.#unlessOver(() => this.#readHeader(headers)));
    http2.on('data', (bytes: Buffer) => this.#unlessOver(() => this.#read(bytes)));
    http2.on('trailers', (headers) => this.#unlessOver(() => this.#readTrailer(headers)));
    http2.on('end', () => {
      // A stream that was reset ends, too.
      if (http2.rstCode === constants.NGHTTP2_NO_ERROR) void this.#onWhole();
    });
    http2.on('close', () => {
      // One that has ended may still be unpacked.
      if (!this.#isWhole) this.#fail(this.#fault ?? closedBy(http2.rstCode));
    });
    http2.end(this.#request.frame);
  }

  #unlessOver(step: () => void): void {
    if (this.#isOver) return;
    try {
      step();
    } catch (error) {
      this.#fail(error);
    }
  }

  #readHeader(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    this.#header = webHeaders(headers);
    const { compression, headerError } = validateResponseWithCompression(
      this.#method.acceptCompression,
      headers[':status'] ?? 0,
      this.#header,
    );
    this.#compression = compression ?? null;
    this.#headerError = headerError;
  }

  #readTrailer(headers: IncomingHttpHeaders): void {
    this.#trailer = webHeaders(headers);
  }

  #read(bytes: Buffer): void {
    if (this.#http2) this.#method.sessions.notifyResponseByteRead(this.#http2);
    this.#gathered.add(bytes);
    for (let frame = this.#nextFrame(); frame; frame = this.#nextFrame()) {
      const message = this.#messageIn(frame);
      if (this.#message !== undefined) throw new ConnectError(errors.extra, Code.Unimplemented);
      this.#message = message;
    }
  }

  #nextFrame(): Buffer | undefined {
    const gathered = this.#gathered;
    if (gathered.length < PREFIX_BYTES) return undefined;
    const { readMaxBytes } = this.#method;
    const bytes = gathered.peek().readUInt32BE(1);
    if (bytes > readMaxBytes) {
      throw new ConnectError(errors.tooLarge(bytes, readMaxBytes), Code.ResourceExhausted);
    }
    return gathered.length < PREFIX_BYTES + bytes ? undefined : gathered.take(PREFIX_BYTES + bytes);
  }

  #messageIn(frame: Buffer): Message | Promise<Message> {
    const { parse, readMaxBytes } = this.#method;
    const flags = frame[0] ?? 0;
    const bytes = frame.subarray(PREFIX_BYTES);
    if ((flags & compressedFlag) === 0) return parse(bytes);
    const unpacked = envelopeDecompress({ flags, data: bytes }, this.#compression, readMaxBytes);
    const message = unpacked.then(({ data }) => parse(data));
    // At once, as the response may not end.
    message.catch((error) => this.#fail(error));
    return message;
  }

  async #onWhole(): Promise<void> {
    this.#isWhole = true;
    try {
      const message = await this.#message;
      this.#unlessOver(() => this.#end({ response: this.#responseWith(message) }));
    } catch {
      // The call has failed already.
    }
  }

  #responseWith(message: Message | undefined): UnaryResponse {
    const header = this.#header;
    const trailer = this.#trailer ?? new Headers();
    if (header === undefined) throw closedBy(constants.NGHTTP2_NO_ERROR);
    if (this.#gathered.length > 0) throw new ConnectError(errors.incomplete, Code.Internal);
    validateTrailer(trailer, header);
    if (message === undefined) {
      const code = trailer.has(headerGrpcStatus) ? Code.Unimplemented : Code.Unknown;
      throw this.#headerError ?? new ConnectError(errors.missing, code);
    }
    if (this.#headerError !== undefined) throw new ConnectError(errors.failed, Code.Unknown);
    const { method } = this.#method;
    return { stream: false, service: method.parent, method, header, message, trailer };
  }

  #fail(reason: unknown): void {
    if (!this.#isOver) this.#end({ error: correctedError(reason, this.#endsAt) });
  }

  #end(result: { readonly response: UnaryResponse } | { readonly error: ConnectError }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#deadline);
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
    if ('response' in result) this.#response.resolve(result.response);
    else this.#response.reject(result.error);
    // Also of a response that has come before the request was read.
    this.#http2?.close(constants.NGHTTP2_CANCEL);
  }
}

/** The error of a call whose stream was closed without a response. */
function closedBy(code: number): ConnectError {
  const isCancelled = code === constants.NGHTTP2_CANCEL;
  const text = `http/2 stream closed with error code ${code}`;
  return new ConnectError(text, isCancelled ? Code.Canceled : Code.Internal);
}
