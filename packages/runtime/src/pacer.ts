import { setTimeout as sleep } from 'node:timers/promises';

/** Paces a loop that can wait, be woken and be stopped. */
export interface Pacer {
  readonly stopped: boolean;
  /** Ends the present wait, or else the next one. */
  wake(): void;
  /** Waits for a time, a wake or the stop. */
  wait(ms: number): Promise<void>;
  /** Waits for a time or the stop. */
  pause(ms: number): Promise<void>;
  stop(): void;
}

/** Creates a pacer. */
export function createPacer(): Pacer {
  const stopping = new AbortController();
  let woken = Promise.withResolvers<void>();
  return {
    get stopped() {
      return stopping.signal.aborted;
    },
    wake: () => woken.resolve(),
    async wait(ms) {
      const over = new AbortController();
      const signal = AbortSignal.any([over.signal, stopping.signal]);
      await Promise.race([woken.promise, sleep(ms, undefined, { signal }).catch(() => {})]);
      over.abort();
      woken = Promise.withResolvers();
    },
    async pause(ms) {
      await sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});
    },
    stop: () => stopping.abort(),
  };
}
