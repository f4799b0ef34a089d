import type { Logger } from './logging.ts';
import { elapsedMs, withinMs } from './time-limit.ts';

/** A part of a process that has to be started and stopped: a connection pool, a consumer, a server. */
export interface Component {
  /** Unique within the process; appears in logs and health. */
  readonly name: string;
  /** Resolves once the component works. After a rejection `stop` is not called; see {@link isOutage}. */
  start(): Promise<void>;
  /** Whether `start` has failed because a dependency is unavailable, so that it is right to call it again. */
  isOutage?(error: unknown): boolean;
  /** Finishes what is in flight and releases all resources. Called once, after `start` has resolved. */
  stop(): Promise<void>;
  /** Readiness: throws with a sentence that says why the component cannot work now. */
  check?(): Promise<void>;
  /** Resolves with the reason when the component has failed permanently: the process then stops. Never rejects. */
  readonly failed?: Promise<Error>;
}

/** Starts and stops components as one. */
export interface RunningComponents {
  /**
   * Starts them in order, and waits up to a minute for a dependency that is unavailable. When one fails, or `stop` is
   * called meanwhile, those started are stopped and this rejects.
   */
  start(): Promise<void>;
  /**
   * Stops those started, in reverse order, also when some of them fail to. Calling it again returns the same promise.
   * @throws AggregateError of all that failed (each has been logged), or an Error after `graceMs`.
   */
  stop(): Promise<void>;
}

/** The interval of log lines while a component is still starting. */
const SLOW_START_MS = 10_000;
/**
 * How long to wait for an unavailable dependency, which usually is starting too. Exiting at once would leave the retry
 * to a supervisor, which waits longer each time; waiting forever would hide a wrong address from it.
 */
const OUTAGE_PATIENCE_MS = 60_000;
const OUTAGE_RETRY_MS = 500;

/** Runs components; see {@link RunningComponents}. `graceMs` limits the whole of `stop`. */
export function runComponents(
  components: readonly Component[],
  options: { logger: Logger; graceMs: number },
): RunningComponents {
  const { logger, graceMs } = options;
  const started: Component[] = [];
  let startingAll: Promise<void> = Promise.resolve();
  let stoppingAll: Promise<void> | undefined;
  let current = '';

  async function startAll(): Promise<void> {
    for (const component of components) {
      if (stoppingAll !== undefined) throw new Error(`stopped before ${component.name} was started`);
      current = `starting ${component.name}`;
      const began = performance.now();
      // Nothing is served before the last component has started: only this line says what the process waits for.
      const waiting = setInterval(
        () => logger.warn({ component: component.name, ms: elapsedMs(began) }, 'component is still starting'),
        SLOW_START_MS,
      );
      try {
        await startPatiently(component, began + OUTAGE_PATIENCE_MS);
      } catch (error) {
        throw new Error(`${component.name} did not start: ${messageOf(error)}`, { cause: error });
      } finally {
        clearInterval(waiting);
      }
      started.push(component);
      logger.debug({ component: component.name, ms: elapsedMs(began) }, 'component started');
    }
  }

  async function startPatiently(component: Component, until: number): Promise<void> {
    for (let isFirst = true; ; isFirst = false) {
      try {
        return await component.start();
      } catch (error) {
        if (component.isOutage?.(error) !== true || performance.now() > until) throw error;
        if (isFirst) {
          logger.warn(
            { component: component.name, err: error },
            'a dependency is unavailable; waiting for it',
          );
        }
        await new Promise((over) => setTimeout(over, OUTAGE_RETRY_MS));
        if (stoppingAll !== undefined) throw error;
      }
    }
  }

  async function stopAll(): Promise<void> {
    // A start in progress may hold resources that can be released only after it ends.
    await startingAll.catch(() => {});
    const errors: Error[] = [];
    for (const component of started.toReversed()) {
      current = `stopping ${component.name}`;
      try {
        await component.stop();
        logger.debug({ component: component.name }, 'component stopped');
      } catch (error) {
        const failure = new Error(`${component.name} did not stop: ${messageOf(error)}`, { cause: error });
        logger.error({ err: failure, component: component.name }, 'component did not stop cleanly');
        errors.push(failure);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join('; '));
  }

  function stop(): Promise<void> {
    stoppingAll ??= withinMs(
      graceMs,
      stopAll(),
      () => new Error(`not stopped within ${graceMs} ms, still ${current}`),
    );
    return stoppingAll;
  }

  return {
    async start() {
      startingAll = startAll();
      try {
        await startingAll;
      } catch (error) {
        // The caller needs to know why the start failed; a failing stop has its own log lines.
        await stop().catch((stopError: Error) =>
          logger.error({ err: stopError }, 'stopping after a failed start'),
        );
        throw error;
      }
    },
    stop,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
