import type { Health } from './health.ts';
import { type Component, runComponents } from './lifecycle.ts';
import type { Logger } from './logging.ts';

/** Exit codes, as shells and container runtimes read them. */
const CLEAN = 0;
const FAILED = 1;
const INTERRUPTED = 130;

/**
 * Runs the components until the process gets a stop signal, then exits; it never returns.
 *
 * - SIGTERM or SIGINT: readiness off, components stopped, exit 0; exit 1 if they did not stop cleanly within `graceMs`
 * - a second signal: exit 130 at once
 * - a start that fails, an uncaught exception, an unhandled rejection, a component's `failed`: fatal log line,
 *   components stopped, exit 1
 */
export async function runProcess(options: {
  name: string;
  logger: Logger;
  components: readonly Component[];
  graceMs: number;
  health?: Health;
}): Promise<never> {
  const { name, logger, components, graceMs, health } = options;
  const all = runComponents(components, { logger, graceMs });
  const ending = Promise.withResolvers<void>();
  let exitCode: number | undefined;

  function onSignal(signal: NodeJS.Signals): void {
    if (exitCode !== undefined) {
      logger.warn({ signal }, `${name}: second signal, exiting at once`);
      process.exit(INTERRUPTED);
    }
    logger.info({ signal }, `${name}: stopping`);
    exitCode = CLEAN;
    ending.resolve();
  }

  function onFatal(message: string, error: unknown): void {
    logger.fatal({ err: error instanceof Error ? error : new Error(String(error)) }, `${name}: ${message}`);
    exitCode = FAILED;
    ending.resolve();
  }

  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // Unhandled rejections arrive here too, with their own origin.
  process.on('uncaughtException', (error, origin) => onFatal(origin, error));
  for (const component of components) {
    component.failed?.then((error) => onFatal(`${component.name} failed`, error));
  }
  // Keeps the process running, also while no component has an open handle.
  setInterval(() => {}, 2 ** 30);

  all.start().then(
    () => {
      logger.info(`${name}: started`);
      // Loading modules leaves garbage, which V8 would keep until the old heap is much larger. Needs `--expose-gc`.
      globalThis.gc?.();
    },
    (error: unknown) => {
      // A start interrupted by a signal is not a failure.
      if (exitCode === undefined) onFatal('could not start', error);
    },
  );

  await ending.promise;
  health?.drain();
  try {
    await all.stop();
  } catch (error) {
    onFatal('did not stop cleanly', error);
  }
  if (exitCode === CLEAN) logger.info(`${name}: stopped`);
  process.exit(exitCode);
}
