import type { Fault } from '@orderflow/contracts/orderflow/testing/v1/fault_service';

/** The faults in force, at most one a method. */
export interface FaultBook {
  /** Takes the place of the fault the method had. */
  set(fault: Fault): void;
  clear(): void;
  list(): Fault[];
  /** The fault that hits a call of this method for these ids. */
  faultOf(method: string, ids: readonly string[]): Fault | undefined;
}

/** Faults kept in memory: they hit calls to this process only, and a restart ends them. */
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
