import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Compression } from '@connectrpc/connect/protocol';
import { checkJsonShape, checkWireShape, maxElements, ShapeError } from '@orderflow/contracts';
import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import { rpcError } from './errors.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { invalidRequest } from './invalid-request.ts';
import type { Charge } from './memory-budget.ts';
import { overloaded } from './overloaded.ts';
import type { OpenResponse } from './responses.ts';
import { untilAborted } from './until-aborted.ts';

const KIB = 1024;
/** Several times the size in JSON of any message without lists, with every character escaped. */
const MESSAGE_BYTES = 32 * KIB;
/** The same for an element of a list. */
const ELEMENT_BYTES = 4 * KIB;
/** The flags and length in front of each message of a stream, and of the message of a gRPC call. */
export const PREFIX_BYTES = 5;

/** The largest request of a method in bytes, before and after decompression: the longest that its contract allows. */
export function maxRequestBytes(method: DescMethod): number {
  return MESSAGE_BYTES + ELEMENT_BYTES * maxElements(method.input);
}

/** How the request of a method is checked. */
export interface RequestRules {
  readonly method: DescMethod;
  readonly maxBytes: number;
  /** Absent for binary messages. */
  readonly isJson?: boolean;
  /** What the body of a REST request is, of which the enum names are checked later; absent for RPC. */
  readonly restBody?: DescMessage | undefined;
}

/** An admitted call, and how its request is checked. */
export interface Admitted extends RequestRules {
  readonly isJson: boolean;
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

/** Splits bytes that arrive in pieces into messages, each with its prefix, and charges for them. */
export class Frames {
  readonly #gathered = new GatheredBytes();
  readonly #rules: RequestRules;
  readonly #charge: Charge;
  /** Whether the method takes a single message, which the call then holds until its end. */
  readonly #isSingle: boolean;
  #held = 0;

  constructor(rules: RequestRules, charge: Charge) {
    this.#rules = rules;
    this.#charge = charge;
    const { methodKind } = rules.method;
    this.#isSingle = methodKind === 'unary' || methodKind === 'server_streaming';
  }

  add(piece: Uint8Array): void {
    this.#gathered.add(piece);
  }

  /**
   * Removes the next message and returns it, in place; undefined until it is whole.
   * @throws MESSAGE_TOO_LARGE as soon as the prefix says so, OVERLOADED
   */
  next(): Buffer | undefined {
    const charge = this.#charge;
    const bytes = this.#frameBytes();
    const waiting = this.#gathered.length;
    if (waiting < bytes) {
      if (waiting > 0 || !this.#isSingle) charge.hold(this.#held + waiting);
      return undefined;
    }
    charge.hold(this.#held + bytes);
    if (this.#isSingle) this.#held += bytes;
    return this.#gathered.take(bytes);
  }

  /** Charges for a message that has been unpacked, in addition. */
  keep(unpackedBytes: number): void {
    if (this.#isSingle) this.#held += unpackedBytes;
  }

  /** Whether there is the beginning of a message that is not whole. */
  get hasRest(): boolean {
    return this.#gathered.length > 0;
  }

  /** Returns that beginning, in place. */
  rest(): Buffer {
    return this.#gathered.peek();
  }

  #frameBytes(): number {
    if (this.#gathered.length < PREFIX_BYTES) return PREFIX_BYTES;
    const messageBytes = this.#gathered.peek().readUInt32BE(1);
    if (messageBytes > this.#rules.maxBytes) throw tooLarge(this.#rules);
    return PREFIX_BYTES + messageBytes;
  }
}

/** Unpacks a message, if it is compressed, and checks it. Returns the bytes that it takes in addition. */
export async function checkPacked(
  bytes: Uint8Array,
  compression: Compression | undefined,
  admitted: Admitted,
): Promise<number> {
  if (compression === undefined) {
    checkMessage(bytes, admitted);
    return 0;
  }
  const { maxBytes, response, signal } = admitted;
  const message = await inTurn(signal, async () => {
    const unpacked = await compression.decompress(Uint8Array.from(bytes), maxBytes);
    // Before the next one is decompressed: a request that exceeds the budget is dropped at once.
    response.charge.hold(bytes.length + unpacked.length);
    return unpacked;
  });
  checkMessage(message, admitted);
  return message.length;
}

/** @throws MESSAGE_TOO_LARGE, MALFORMED_REQUEST, INVALID_REQUEST */
export function checkMessage(message: Uint8Array, rules: RequestRules): void {
  const { maxBytes, isJson, method, restBody } = rules;
  if (message.length > maxBytes) throw tooLarge(rules);
  const desc = restBody ?? method.input;
  inReasons(desc, () => {
    if (isJson) checkJsonShape(desc, message, restBody ? 'any' : 'contract');
    else checkWireShape(desc, message);
  });
}

/**
 * Checks the shape of JSON that is about to be decoded.
 * @throws MALFORMED_REQUEST, INVALID_REQUEST
 */
export function checkJson(desc: DescMessage, json: Uint8Array): void {
  inReasons(desc, () => checkJsonShape(desc, json));
}

function inReasons(desc: DescMessage, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const { field, description, rule } = error;
    if (rule !== undefined) throw invalidRequest([{ field, description, reason: rule }]);
    throw rpcError('MALFORMED_REQUEST', `the request is not ${desc.typeName}: ${error.message}`);
  }
}

/** @throws OVERLOADED when too many requests wait; the reason of the signal. */
async function inTurn<T>(signal: AbortSignal, unpack: () => Promise<T>): Promise<T> {
  try {
    // Waits no longer than the call's deadline.
    return await untilAborted(unpacking.execute(unpack, signal), signal, () => {});
  } catch (error) {
    if (!(error instanceof BulkheadRejectedError)) throw error;
    throw overloaded('decompression');
  }
}

/** The error that Connect has for its own limit; it gets its reason together with Connect's errors. */
export function tooLarge({ maxBytes, method }: RequestRules): ConnectError {
  return new ConnectError(
    `${method.name} accepts requests of at most ${maxBytes} bytes`,
    Code.ResourceExhausted,
  );
}
