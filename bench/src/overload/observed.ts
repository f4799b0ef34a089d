/** The output of `programs/overload-load.ts`. */
export interface LoadRun {
  readonly outcomes: Readonly<Record<string, number>>;
  readonly accepted: readonly string[];
  readonly lateP99Ms: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the calls that were OVERLOADED; null when there were none. */
  readonly refusedP99Ms: number | null;
}

/** An order of a load: its times by the database's clock, in milliseconds since 1970. */
export interface EndedOrder {
  readonly id: string;
  readonly state: string;
  readonly created: number;
  /** When it entered its present state. */
  readonly ended: number;
}

/** The resident memory of each process at a time, in milliseconds since 1970. */
export interface MemorySample {
  readonly at: number;
  readonly mib: ReadonlyMap<string, number>;
}

/** What was observed of the load and after it. */
export interface Observed {
  /** Orders a second. */
  readonly saturation: number;
  readonly rate: number;
  readonly load: LoadRun;
  /** Orders that had not ended when the load ended. */
  readonly waiting: number;
  /** In milliseconds since 1970. */
  readonly loadEndedAt: number;
  /** The orders of the load that are stored. */
  readonly orders: readonly EndedOrder[];
  /** From the beginning of the load until its last order has ended. */
  readonly samples: readonly MemorySample[];
  /** Whether all stores agree with each other. */
  readonly isConsistent: boolean;
}
