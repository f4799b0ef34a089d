import type { JsonObject } from '@bufbuild/protobuf';

/** A call of a method, as every client gets it. */
export interface Call {
  /** `http://127.0.0.1:PORT` of the process that serves the method. */
  readonly url: string;
  /** The full name of the service. */
  readonly service: string;
  readonly method: string;
  /** The request in the JSON of protobuf. */
  readonly request: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  /** The deadline, which the server is sent. */
  readonly timeoutMs?: number;
  /** The client cancels the call once it has so many messages. */
  readonly cancelAfterMessages?: number;
  /** The client cancels the call after this time. */
  readonly cancelAfterMs?: number;
}

/** A detail of an error: a message in the JSON of protobuf, with its type in `@type`. */
export type Detail = JsonObject;

/** How a call has ended. */
export interface Ending {
  /** `ok`, or the code as Connect writes it: `not_found`. */
  readonly code: string;
  /** The text of an error. */
  readonly message: string;
  readonly details: readonly Detail[];
  /** What was received, in the canonical JSON of protobuf: fields that have their default are left out. */
  readonly messages: readonly JsonObject[];
  /** Headers of the response, with names in lower case; trailers too. */
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
}

/** A plain HTTP request. */
export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The response to an {@link HttpRequest}. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A client of the matrix: a program or a library that makes calls. */
export interface Client {
  /** Calls a method. Rejects when the client itself is broken; an error of the call is an ending. */
  call(call: Call): Promise<Ending>;
  /** Sends a plain HTTP request; only clients that are HTTP clients have it. */
  send?(request: HttpRequest): Promise<HttpResponse>;
  /** Ends what the client has started. */
  stop?(): Promise<void>;
}

/** An ending without anything in it. */
export const emptyEnding: Ending = {
  ...{ code: 'ok', message: '', details: [], messages: [], headers: {}, trailers: {} },
};
