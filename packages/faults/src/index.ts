export type { CallCounts } from './call-counts.ts';
export type { FaultBook } from './fault-book.ts';
export { createFaults, type Faults, type FaultsOptions } from './faults.ts';
