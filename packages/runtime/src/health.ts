import type { Component } from './lifecycle.ts';
import { maskUrlPasswords } from './mask.ts';
import { elapsedMs, withinMs } from './time-limit.ts';

/** The outcome of one component's check. */
export interface Check {
  readonly ok: boolean;
  /** Why not, as a sentence; passwords in URLs are masked. */
  readonly error?: string;
  /** How long the check took, in milliseconds. */
  readonly ms: number;
}

export interface Readiness {
  /** True when every check is ok and the process is not draining. */
  readonly ready: boolean;
  readonly draining: boolean;
  /** By the component's name; components without a check are not listed. */
  readonly checks: Record<string, Check>;
}

export interface Health {
  /** Returns as long as the event loop turns. It checks no dependency: a restart would not fix one. */
  live(): { live: true };
  /** Whether this process should receive work. Never throws. */
  ready(): Promise<Readiness>;
  /** Makes `ready()` report false, so that callers use other instances while this process finishes. */
  drain(): void;
  readonly draining: boolean;
}

const CHECK_LIMIT_MS = 1000;
const CACHE_MS = 500;

/**
 * Creates readiness from the checks of the components. A check gets 1 s; one that is still running is not started
 * again. Results are cached for 500 ms, so that probes cannot overload the dependencies.
 */
export function createHealth(components: readonly Component[]): Health {
  const checks = components.flatMap((component) =>
    component.check ? [[component.name, limited(component)] as const] : [],
  );
  let cached: { results: Promise<Record<string, Check>>; until: number } | undefined;
  let draining = false;

  async function runChecks(): Promise<Record<string, Check>> {
    const results = await Promise.all(checks.map(async ([name, check]) => [name, await check()] as const));
    cached = { results: Promise.resolve(Object.fromEntries(results)), until: performance.now() + CACHE_MS };
    return cached.results;
  }

  return {
    live: () => ({ live: true }),
    async ready() {
      if (cached === undefined || performance.now() >= cached.until) {
        cached = { results: runChecks(), until: Number.POSITIVE_INFINITY };
      }
      const results = await cached.results;
      const ready = !draining && Object.values(results).every((check) => check.ok);
      return { ready, draining, checks: results };
    },
    drain() {
      draining = true;
    },
    get draining() {
      return draining;
    },
  };
}

function limited(component: Component): () => Promise<Check> {
  let running: Promise<void> | undefined;
  return async () => {
    const began = performance.now();
    // The async wrapper turns a synchronous throw into a rejection.
    running ??= (async () => component.check?.())().finally(() => {
      running = undefined;
    });
    try {
      await withinMs(CHECK_LIMIT_MS, running, () => new Error(`no result within ${CHECK_LIMIT_MS} ms`));
      return { ok: true, ms: elapsedMs(began) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { ok: false, error: maskUrlPasswords(message), ms: elapsedMs(began) };
    }
  };
}
