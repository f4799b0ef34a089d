import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from '@orderflow/contracts/grpc/health/v1/health';
import type { Health } from '@orderflow/runtime';
import { rpcError } from './errors.ts';

/** How soon a watcher hears of a change. */
const WATCH_INTERVAL_MS = 250;

/** `grpc.health.v1`. All services of a process are ready together; "" stands for the process. */
export function healthRoutes(options: {
  health: Health;
  serviceNames: readonly string[];
  /** Aborted when the server goes: watches, which have no end of their own, end then. */
  closing: AbortSignal;
}): (router: ConnectRouter) => void {
  const { health, closing } = options;
  const names = new Set(['', ...options.serviceNames]);

  async function currentStatus() {
    return (await health.ready()).ready ? Status.SERVING : Status.NOT_SERVING;
  }

  return (router) =>
    router.service(HealthService, {
      async check({ service }) {
        if (!names.has(service)) {
          throw rpcError('SERVICE_UNKNOWN', `no service of this name is served here: ${service}`);
        }
        return { status: await currentStatus() };
      },

      async list() {
        const status = await currentStatus();
        return { statuses: Object.fromEntries([...names].map((name) => [name, { status }])) };
      },

      async *watch({ service }, context) {
        const ended = AbortSignal.any([context.signal, closing]);
        let last: Status | undefined;
        while (!ended.aborted) {
          // The protocol wants this answer here, where Check has an error.
          const status = names.has(service) ? await currentStatus() : Status.SERVICE_UNKNOWN;
          if (status !== last) {
            last = status;
            yield { status };
          }
          await delay(WATCH_INTERVAL_MS, undefined, { signal: ended }).catch(() => {});
        }
        if (closing.aborted) throw rpcError('SHUTTING_DOWN', 'the server is stopping');
      },
    });
}
