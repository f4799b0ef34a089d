import { setTimeout as sleep } from 'node:timers/promises';
import type { DescService } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { type Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { type Fault, Fault_Kind } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { connectionKey, errorDomain, rpcError } from '@orderflow/rpc';
import type { CallCounts } from './call-counts.ts';
import type { FaultBook } from './fault-book.ts';
import type { FaultsOptions } from './faults.ts';
import { wrapHandlers } from './wrap-handlers.ts';

/**
 * The implementation, counting its calls and doing wrong what the fault book says: before the call has any effect, or
 * after it where the fault says so.
 */
export function misbehave<Service extends DescService>(
  service: Service,
  implementation: ServiceImpl<Service>,
  options: Pick<FaultsOptions, 'askedIds' | 'spoilAnswer' | 'random'> & {
    readonly faults: FaultBook;
    readonly counts: CallCounts;
  },
): ServiceImpl<Service> {
  const { faults, counts, askedIds, spoilAnswer, random } = options;
  return wrapHandlers(service, implementation, ({ name }, handler) => async (request, context) => {
    const ids = askedIds(request);
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
      throw rpcError('DEPENDENCY_UNAVAILABLE', 'refused: a fault was set');
    }
    if (fault.kind === Fault_Kind.HANG) await ended(context.signal);
    const answer = early ?? (await carryOut());
    spoilAnswer?.(answer, fault);
    return answer;
  });
}

function latencyMs({ minLatency, maxLatency }: Fault, random: () => number): number {
  const min = minLatency ? durationMs(minLatency) : 0;
  const max = maxLatency ? durationMs(maxLatency) : min;
  return min + random() * (max - min);
}

function injectedError({ method, errorCode }: Fault): ConnectError {
  const info = { reason: 'FAULT_INJECTED', domain: errorDomain, metadata: { method } };
  return new ConnectError('a fault was set', errorCode as Code, undefined, [
    { desc: ErrorInfoSchema, value: info },
  ]);
}

/** Waits until the call has ended: its time is over, the caller has gone or the server stops. Then throws. */
async function ended(signal: AbortSignal): Promise<never> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  throw signal.reason;
}
