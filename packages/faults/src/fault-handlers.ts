import type { DescMethod } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  type Fault,
  Fault_Kind,
  type FaultService,
} from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { rpcError } from '@orderflow/rpc';
import type { CallCounts } from './call-counts.ts';
import type { FaultBook } from './fault-book.ts';

/** The kinds that every stub implements. */
const commonKinds = [Fault_Kind.UNSPECIFIED, Fault_Kind.REFUSE, Fault_Kind.HANG, Fault_Kind.TWICE];

/** Implements FaultService for the methods of the services that can misbehave. */
export function faultHandlers(
  methods: readonly DescMethod[],
  { faults, counts, ownKinds }: { faults: FaultBook; counts: CallCounts; ownKinds: readonly Fault_Kind[] },
): ServiceImpl<typeof FaultService> {
  const names = methods.map((method) => method.name);
  const kinds = [...commonKinds, ...ownKinds];
  return {
    setFault({ fault }) {
      if (fault === undefined) throw rpcError('INVALID_REQUEST', 'fault is missing');
      const problem = problemOf(fault, names, kinds);
      if (problem !== undefined) throw rpcError('INVALID_REQUEST', problem);
      faults.set(fault);
      return {};
    },
    clearFaults() {
      faults.clear();
      return {};
    },
    listFaults: () => ({ faults: faults.list() }),
    getCallCounts: () => counts.read(),
    resetCallCounts() {
      counts.reset();
      return {};
    },
  };
}

/** What the validation rules of the contract cannot express. */
function problemOf(
  { method, minLatency, maxLatency, errorRate, errorCode, kind }: Fault,
  names: readonly string[],
  kinds: readonly Fault_Kind[],
): string | undefined {
  const min = minLatency ? durationMs(minLatency) : 0;
  const max = maxLatency ? durationMs(maxLatency) : min;
  if (!names.includes(method))
    return `fault.method: there is no method ${method}; one of ${names.join(', ')}`;
  if (min < 0 || max < min)
    return 'fault.max_latency: must be at least min_latency, and min_latency at least 0';
  if (errorRate > 0 && errorCode === 0)
    return 'fault.error_code: 0 is not an error; use an error code, such as 14';
  if (!kinds.includes(kind)) return `fault.kind: this stub does not implement kind ${kind}`;
  return undefined;
}
