import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** The observations of a well-behaved caller. */
export interface GoodCalls {
  /** The duration of each call that got a response. */
  readonly ms: number[];
  readonly errors: string[];
}

/** Calls a method continuously, one call after the other, with a short break between two. */
export interface GoodCaller extends AsyncDisposable {
  /** Returns the observations since the last call. */
  take(): Promise<GoodCalls>;
}

/**
 * Starts a caller.
 * @param options.isFresh opens a connection for each call.
 */
export function startGoodCaller(options: {
  url: string;
  /** `/package.Service/Method` */
  path: string;
  body: object;
  isFresh?: boolean;
}): GoodCaller {
  const { url, path, body, isFresh = false } = options;
  const thread = new Worker(new URL('./good-caller-thread.ts', import.meta.url), {
    workerData: { url, path, body: JSON.stringify(body), isFresh },
  });
  return {
    async take() {
      thread.postMessage('take');
      const [calls] = (await once(thread, 'message')) as [GoodCalls];
      return calls;
    },
    async [Symbol.asyncDispose]() {
      await thread.terminate();
    },
  };
}

/** The 99th percentile. */
export function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.99) - 1)] ?? Number.NaN;
}
