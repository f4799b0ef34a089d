/** What a duty cycle allows. */
export interface DutyCycleOptions {
  /** The share of the time that may be spent on work, more than 0 and at most 1. */
  readonly share: number;
  /** How much work may be done without a pause after a time without any, in milliseconds. */
  readonly burstMs: number;
  /** The longest pause, in milliseconds. */
  readonly maxPauseMs: number;
}

/**
 * Limits the share of the time that a process spends on small batches: a token bucket whose tokens are milliseconds of
 * work. What arrives during a pause is handled together, for little more than a single one costs. Work that takes
 * longer, since it is more or since the machine is busy, is followed by a longer pause; a burst of little work by none.
 */
export interface DutyCycle {
  /**
   * Does work. Returns its result, and how long to pause before more is begun, in milliseconds. Work that overlaps is
   * counted once; no pause is longer than this work alone would have it.
   */
  run<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly pauseMs: number }>;
}

export function createDutyCycle({ share, burstMs, maxPauseMs }: DutyCycleOptions): DutyCycle {
  /** The work that may be begun now; negative while a pause is due. */
  let creditMs = burstMs;
  let readAt = performance.now();
  let running = 0;

  function readCredit(): number {
    const now = performance.now();
    const spent = running > 0 ? 1 : 0;
    creditMs += (now - readAt) * (share - spent);
    creditMs = Math.min(Math.max(creditMs, -maxPauseMs * share), burstMs);
    readAt = now;
    return creditMs;
  }

  return {
    async run(work) {
      readCredit();
      running += 1;
      const beganAt = readAt;
      try {
        const result = await work();
        const dueMs = -readCredit() / share;
        const ownMs = (readAt - beganAt) * (1 / share - 1);
        return { result, pauseMs: Math.max(0, Math.min(dueMs, ownMs)) };
      } finally {
        readCredit();
        running -= 1;
      }
    },
  };
}
