import type { TestProcess } from '@orderflow/testing/process';

/** A process that is started again at once when it ends, as an orchestrator does. */
export interface Supervised {
  /** The process that runs now. */
  current(): TestProcess;
  /** SIGKILL; it is started again at once. */
  kill(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** Starts a process and keeps it running until it is stopped. */
export function supervise(launch: () => TestProcess): Supervised {
  let isWanted = true;
  let current = launch();
  async function watch(): Promise<void> {
    while (isWanted) {
      await current.exited;
      if (isWanted) current = launch();
    }
  }
  const watching = watch();
  return {
    current: () => current,
    kill: () => current.kill(),
    async stop() {
      isWanted = false;
      await current.stop();
      await watching;
    },
  };
}
