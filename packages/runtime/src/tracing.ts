import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes, randomFillSync } from 'node:crypto';

/** The parts of a W3C `traceparent`. */
export interface Traceparent {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** 2 hex digits; the lowest bit says "sampled". */
  readonly flags: string;
}

/** The trace and the order of the code that runs now. */
export interface Trace {
  readonly traceparent: string;
  readonly traceId: string;
  readonly orderId?: string;
}

const SAMPLED = '01';
const pattern = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** A `traceparent` that starts a new trace. */
export function newTraceparent(): string {
  return format({ traceId: randomId(16), spanId: randomId(8), flags: SAMPLED });
}

/** The parts of a `traceparent`, or `undefined` when it is missing or breaks the W3C rules. */
export function parseTraceparent(header: string | undefined): Traceparent | undefined {
  const [, version, traceId, spanId, flags, more] = pattern.exec(header ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  // Version 00 ends after the flags, later versions may go on; ff is forbidden.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags };
}

/** A `traceparent` for the next span of the same trace; a new trace when the header is missing or malformed. */
export function childOf(header: string | undefined): string {
  const parent = parseTraceparent(header);
  return parent === undefined ? newTraceparent() : format({ ...parent, spanId: randomId(8) });
}

const storage = new AsyncLocalStorage<Trace>();

/**
 * Runs `fn`, and all it awaits, within a trace: its log lines carry `trace_id` and `order_id`.
 * A missing or malformed `traceparent` continues the current trace, or starts one.
 */
export function withTrace<T>(trace: { traceparent?: string | undefined; orderId?: string }, fn: () => T): T {
  const outer = storage.getStore();
  const given = parseTraceparent(trace.traceparent);
  const traceparent = given === undefined ? (outer?.traceparent ?? newTraceparent()) : format(given);
  const orderId = trace.orderId ?? outer?.orderId;
  const traceId = traceparent.slice(3, 35);
  return storage.run({ traceparent, traceId, ...(orderId !== undefined && { orderId }) }, fn);
}

/**
 * Runs `fn`, and all it awaits, as the next span of the trace that `header` names, or of a new one. Most calls neither
 * log nor write nor call others, so ids are drawn when they are asked for.
 */
export function withNextSpan<T>(header: string | undefined, fn: () => T): T {
  return storage.run(new NextSpan(header), fn);
}

class NextSpan implements Trace {
  readonly #header: string | undefined;
  #traceparent: string | undefined;

  constructor(header: string | undefined) {
    this.#header = header;
  }

  get traceparent(): string {
    this.#traceparent ??= childOf(this.#header);
    return this.#traceparent;
  }

  get traceId(): string {
    return this.traceparent.slice(3, 35);
  }
}

/** The trace of the code that runs now, if any. */
export function currentTrace(): Trace | undefined {
  return storage.getStore();
}

/** Drawn in advance, because a draw costs more than an id. */
const drawn = { bytes: randomBytes(4_096), used: 0 };

function randomId(bytes: number): string {
  if (drawn.used + bytes > drawn.bytes.length) {
    randomFillSync(drawn.bytes);
    drawn.used = 0;
  }
  const id = drawn.bytes.toString('hex', drawn.used, drawn.used + bytes);
  drawn.used += bytes;
  // All zeros means "no id".
  return /^0+$/.test(id) ? randomId(bytes) : id;
}

function format({ traceId, spanId, flags }: Traceparent): string {
  return `00-${traceId}-${spanId}-${flags}`;
}
