import type { Fault } from '@orderflow/contracts/orderflow/testing/v1/fault_service';

/** The active faults, at most one per method. */
export interface FaultBook {
  /** Replaces the fault of the method. */
  set(fault: Fault): void;
  clear(): void;
  list(): Fault[];
  /** The fault that applies to a call of this method for these ids. */
  faultOf(method: string, ids: readonly string[]): Fault | undefined;
}

/** Creates a book in memory: its faults apply to calls to this process only, and a restart clears them. */
export function createFaultBook(): FaultBook {
  const faults = new Map<string, Fault>();
  return {
    set: (fault) => void faults.set(fault.method, fault),
    clear: () => faults.clear(),
    list: () => [...faults.values()],
    faultOf(method, ids) {
      const fault = faults.get(method);
      const isHit =
        fault !== undefined && (fault.ids.length === 0 || fault.ids.some((id) => ids.includes(id)));
      return isHit ? fault : undefined;
    },
  };
}
