import { getHeapStatistics } from 'node:v8';
import { overloaded } from './overloaded.ts';

/** The memory of a refused request, or of one for a page. Measured: 13 KB. */
const REQUEST_BYTES = 16 * 1024;
/** The memory of a call with an almost empty request: stream, signals, context, headers. Measured: 25 KB. */
const CALL_BYTES = 32 * 1024;
/** This many bytes of headers, of the request and of the response are included in these. */
const SMALL_BYTES = 1024;
/**
 * The memory per byte of a request, at most, from its arrival to the end of its call: received, decompressed, as text,
 * as a message. Twice the measured value, see docs/decisions/0021.
 */
const EXPANSION = 6;
/** Requests of more bytes than this leave part of the budget to smaller ones. */
const LARGE_BYTES = 64 * 1024;

/** The share of the budget that each kind of charge may use. The rest is reserved for health checks. */
const shares = { large: 0.6, usual: 0.9, response: 0.95, refusal: 0.95 };

/** The memory that one request is charged for. */
export interface Charge {
  /**
   * Charges for a call with this many bytes of request, replacing the previous charge for the request.
   * @throws OVERLOADED
   */
  hold(requestBytes: number): void;
  /**
   * Charges for this many unsent bytes of the response, replacing the previous charge for the response.
   * Returns false when the budget is exhausted: then the response has to be cut.
   */
  holdResponse(waitingBytes: number): boolean;
  /** Keeps the charge for the request until this has settled, too. */
  keepFor(work: Promise<unknown>): void;
  /** Call when the response has been sent or aborted: releases all charges. May be called again. */
  release(): void;
}

/**
 * The memory that requests in flight may take: a quarter of the heap, so that a process which gets more requests than
 * fit refuses calls instead of crashing. Large requests may use only a part of it, and health checks are refused last.
 */
export interface MemoryBudget {
  /** Returns undefined when there is no memory even for a refusal. */
  open(headerBytes: number): Charge | undefined;
  /**
   * Always admits the request. When the budget is exhausted it takes one of the places reserved for health checks; when
   * these are all taken, the oldest of them is cut: an honest client has its response long before.
   */
  openHealthCheck(headerBytes: number, cut: () => void): Charge;
}

export function createMemoryBudget(budgetBytes = getHeapStatistics().heap_size_limit / 4): MemoryBudget {
  let spent = 0;
  /** The functions that cut the health checks in reserved places, the oldest first. */
  const reserved = new Set<() => void>();
  const maxReserved = Math.max(1, Math.floor((budgetBytes * (1 - shares.response)) / CALL_BYTES));

  function open(openBytes: number, openShare: keyof typeof shares, callBytes: number): Charge | undefined {
    const charged = { request: 0, response: 0 };
    let hasLeft = false;
    // The response, and the work for it.
    let holders = 1;

    /** Returns whether the budget allowed it. */
    function charge(what: keyof typeof charged, bytes: number, share: keyof typeof shares): boolean {
      if (holders === 0) return true;
      const more = bytes - charged[what];
      if (more > 0 && spent + more > budgetBytes * shares[share]) return false;
      spent += more;
      charged[what] = bytes;
      return true;
    }

    function letGo(): void {
      holders--;
      if (holders === 0) spent -= charged.request;
    }

    if (!charge('request', openBytes, openShare)) return undefined;
    return {
      hold(requestBytes) {
        const share = requestBytes > LARGE_BYTES ? 'large' : 'usual';
        if (!charge('request', callBytes + expanded(requestBytes), share)) throw overloaded('memory');
      },
      holdResponse: (waitingBytes) =>
        hasLeft || charge('response', Math.max(0, waitingBytes - SMALL_BYTES), 'response'),
      keepFor(work) {
        if (holders === 0) return;
        holders++;
        work.then(letGo, letGo);
      },
      release() {
        if (hasLeft) return;
        hasLeft = true;
        spent -= charged.response;
        letGo();
      },
    };
  }

  /** Admits a health check to one of the reserved places. */
  function admitReserved(cut: () => void): Charge {
    const [oldest] = reserved;
    if (oldest !== undefined && reserved.size >= maxReserved) {
      reserved.delete(oldest);
      oldest();
    }
    reserved.add(cut);
    return {
      hold(requestBytes) {
        if (requestBytes > SMALL_BYTES) throw overloaded('memory');
      },
      holdResponse: (waitingBytes) => waitingBytes <= CALL_BYTES - REQUEST_BYTES,
      // There are few components to check, and all health checks share the same results.
      keepFor: () => {},
      release: () => void reserved.delete(cut),
    };
  }

  return {
    open: (headerBytes) =>
      open(REQUEST_BYTES + expanded(headerBytes), 'refusal', CALL_BYTES + expanded(headerBytes)),
    openHealthCheck(headerBytes, cut) {
      const bytes = CALL_BYTES + expanded(headerBytes);
      return open(bytes, 'usual', bytes) ?? admitReserved(cut);
    },
  };
}

function expanded(bytes: number): number {
  return EXPANSION * Math.max(0, bytes - SMALL_BYTES);
}
