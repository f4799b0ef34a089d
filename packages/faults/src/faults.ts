import type { DescService, Message } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type {
  Fault,
  Fault_Kind,
  FaultService,
} from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { createCallCounts } from './call-counts.ts';
import { createFaultBook, type FaultBook } from './fault-book.ts';
import { faultHandlers } from './fault-handlers.ts';
import { misbehave } from './misbehave.ts';

/** What a stub has of its own in its faults. */
export interface FaultsOptions {
  /** The services that can misbehave. Unary methods only. */
  readonly services: readonly DescService[];
  /** The ids that a request is about: faults may be limited to some of them, and calls are counted by them. */
  readonly askedIds: (request: Message) => readonly string[];
  /** The kinds of faults that this stub does by itself, besides those that any stub can do. */
  readonly ownKinds: readonly Fault_Kind[];
  /** Spoils an answer in place, as one of `ownKinds` says. */
  readonly spoilAnswer?: (answer: Message, fault: Fault) => void;
  /** From 0 up to 1; decides latency and errors. */
  readonly random: () => number;
}

/** The faults of one stub: in memory, of this process only. */
export interface Faults {
  /** FaultService, which sets and lists them. */
  readonly handlers: ServiceImpl<typeof FaultService>;
  /** The implementation, counting its calls and doing wrong what was asked for. */
  misbehave<Service extends DescService>(
    service: Service,
    implementation: ServiceImpl<Service>,
  ): ServiceImpl<Service>;
  /** For a fault of `ownKinds` that a handler has to look up. */
  readonly faultOf: FaultBook['faultOf'];
}

/** No faults yet. */
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
