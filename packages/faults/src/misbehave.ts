import { setTimeout as sleep } from 'node:timers/promises';
import type { DescService, Message } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { type Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { type Fault, Fault_Kind } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { connectionKey, errorDomain, rpcError } from '@orderflow/rpc';
import type { CallCounts } from './call-counts.ts';
import type { FaultBook } from './fault-book.ts';
import { wrapHandlers } from './wrap-handlers.ts';

/** How the calls of a stub misbehave. */
export interface Misbehaviour {
  /** Returns the ids in a request: faults may be limited to some of them, and calls are counted by them. */
  readonly requestedIds: (request: Message) => readonly string[];
  /** Corrupts a response in place, for a fault of one of the stub's own kinds. */
  readonly corruptResponse?: (response: Message, fault: Fault) => void;
  /** Returns a number from 0 up to 1; decides latency and errors. */
  readonly random: () => number;
}

/**
 * Wraps an implementation so that it counts its calls and applies the faults of the book: before the call has any
 * effect, or after it where the fault says so.
 */
export function misbehave<Service extends DescService>(
  service: Service,
  implementation: ServiceImpl<Service>,
  options: Misbehaviour & {
    readonly faults: FaultBook;
    readonly counts: CallCounts;
  },
): ServiceImpl<Service> {
  const { faults, counts, requestedIds, corruptResponse, random } = options;
  return wrapHandlers(service, implementation, ({ name }, handler) => async (request, context) => {
    const ids = requestedIds(request);
    counts.count(name, ids);
    const fault = faults.faultOf(name, ids);
    if (fault === undefined) return handler(request, context);

    const carryOut = async () => {
      if (fault.kind === Fault_Kind.TWICE) await handler(request, context);
      return handler(request, context);
    };
    const early = fault.afterEffect ? await carryOut() : undefined;
    await sleep(latencyMs(fault, random), undefined, { signal: context.signal });
    if (random() < fault.errorRate) throw injectedError(fault);
    if (fault.kind === Fault_Kind.REFUSE) {
      context.values.get(connectionKey)?.cut();
      throw rpcError('DEPENDENCY_UNAVAILABLE', 'refused by an injected fault');
    }
    if (fault.kind === Fault_Kind.HANG) await ended(context.signal);
    const response = early ?? (await carryOut());
    corruptResponse?.(response, fault);
    return response;
  });
}

function latencyMs({ minLatency, maxLatency }: Fault, random: () => number): number {
  const min = minLatency ? durationMs(minLatency) : 0;
  const max = maxLatency ? durationMs(maxLatency) : min;
  return min + random() * (max - min);
}

function injectedError({ method, errorCode }: Fault): ConnectError {
  const info = { reason: 'FAULT_INJECTED', domain: errorDomain, metadata: { method } };
  return new ConnectError('an injected fault', errorCode as Code, undefined, [
    { desc: ErrorInfoSchema, value: info },
  ]);
}

/**
 * Waits until the call has ended: its deadline has passed, the caller has disconnected or the server stops. Then
 * throws.
 */
async function ended(signal: AbortSignal): Promise<never> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  throw signal.reason;
}
