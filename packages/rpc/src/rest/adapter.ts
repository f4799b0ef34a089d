import type {
  DescMessage,
  DescMethod,
  DescMethodUnary,
  JsonObject,
  JsonValue,
  Message,
  MessageShape,
} from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import type { FieldViolation } from '../invalid-request.ts';

/**
 * How REST serves a method whose paths take or return something else than its messages. Everything else is as for other
 * methods: gate, limits, the contract's rules, errors.
 */
export interface RestAdapter {
  /** Each of its paths has `body: "*"`. */
  readonly method: DescMethod;
  /** Reads a body. `text` is what `json` was parsed from. */
  readonly readBody: (json: JsonObject, text: string) => AdaptedBody;
  /** The error for a body that has violations; undefined: INVALID_REQUEST. */
  readonly refuse?: (violations: readonly FieldViolation[]) => ConnectError | undefined;
  readonly respond: (response: Message, request: Message) => RestResponse;
  readonly description: RestDescription;
}

/** A body that was read. */
export interface AdaptedBody {
  /** The JSON of the method's request, as protobuf has it; without what is wrong. */
  readonly request: JsonObject;
  /** All that is wrong with it, by the names that its sender used. */
  readonly violations: readonly FieldViolation[];
  /** Returns what the sender calls a field of the request: `items[0].price` for `lines[0].quoted_price`. */
  readonly nameOf: (field: string) => string;
}

/** A response that is no error. */
export interface RestResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonValue;
}

/**
 * What a description of the API says of the method's paths, in place of its messages. Schemas are JSON Schema 2020-12, in
 * which a `$ref` is the full name of a message: `orderflow.order.v1.Order`, as responses have it.
 */
export interface RestDescription {
  readonly request: JsonObject;
  /** Every response that is no error, by its status. */
  readonly responses: Readonly<Record<number, RestResponseDescription>>;
}

/** Describes the responses with one status. */
export interface RestResponseDescription {
  readonly description: string;
  readonly schema: JsonObject;
  /** What each header says. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Returns the adapter of a method. */
export function restAdapter<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  {
    respond,
    ...others
  }: Omit<RestAdapter, 'method' | 'respond'> & {
    readonly respond: (response: MessageShape<O>, request: MessageShape<I>) => RestResponse;
  },
): RestAdapter {
  return { ...others, method, respond: respond as RestAdapter['respond'] };
}
