import type { DescService } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Fault_Kind, FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { createCallCounts } from './call-counts.ts';
import { createFaultBook, type FaultBook } from './fault-book.ts';
import { faultHandlers } from './fault-handlers.ts';
import { type Misbehaviour, misbehave } from './misbehave.ts';

/** The faults of one stub and what they apply to. */
export interface FaultsOptions extends Misbehaviour {
  /** The services that can misbehave. Unary methods only. */
  readonly services: readonly DescService[];
  /** The kinds of faults that only this stub implements, besides those of every stub. */
  readonly ownKinds: readonly Fault_Kind[];
}

/** The faults of one stub: in memory, for this process only. */
export interface Faults {
  /** The handlers of FaultService, which sets and lists faults. */
  readonly handlers: ServiceImpl<typeof FaultService>;
  /** Wraps an implementation so that it counts its calls and applies the faults. */
  misbehave<Service extends DescService>(
    service: Service,
    implementation: ServiceImpl<Service>,
  ): ServiceImpl<Service>;
  /** Looks up a fault of `ownKinds` for a handler. */
  readonly faultOf: FaultBook['faultOf'];
}

/** Creates the faults of a stub; none is set. */
export function createFaults({ services, ownKinds, ...options }: FaultsOptions): Faults {
  const faults = createFaultBook();
  const counts = createCallCounts();
  const methods = services.flatMap((service) => service.methods);
  return {
    handlers: faultHandlers(methods, { faults, counts, ownKinds }),
    misbehave: (service, implementation) =>
      misbehave(service, implementation, { ...options, faults, counts }),
    faultOf: faults.faultOf,
  };
}
