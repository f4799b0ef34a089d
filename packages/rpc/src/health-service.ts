import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from '@orderflow/contracts/grpc/health/v1/health';
import type { Health } from '@orderflow/runtime';
import { rpcError } from './errors.ts';
import type { OpenStreams } from './open-streams.ts';
import { echoed } from './short-text.ts';
import { untilAborted } from './until-aborted.ts';

/** The interval at which watchers are notified of a change. */
const WATCH_INTERVAL_MS = 250;

/** Adds `grpc.health.v1`. All services of a process are ready together; "" stands for the process. */
export function healthRoutes(options: {
  health: Health;
  serviceNames: readonly string[];
  /** Aborted with SHUTTING_DOWN when the server stops; watches, which otherwise never end, end then. */
  closing: AbortSignal;
  openStreams: OpenStreams;
}): (router: ConnectRouter) => void {
  const { health, closing, openStreams } = options;
  const names = new Set(['', ...options.serviceNames]);

  async function currentStatus() {
    return (await health.ready()).ready ? Status.SERVING : Status.NOT_SERVING;
  }

  /** One check for all watches. */
  let next: Promise<Status> | undefined;
  function nextStatus(): Promise<Status> {
    next ??= delay(WATCH_INTERVAL_MS).then(() => {
      next = undefined;
      return currentStatus();
    });
    return next;
  }

  async function* watch(service: string, signal: AbortSignal) {
    const ended = AbortSignal.any([signal, closing]);
    // The protocol requires this status here, where Check has an error.
    const known = names.has(service);
    let last: Status | undefined;
    let status: Status = known ? await currentStatus() : Status.SERVICE_UNKNOWN;
    while (!ended.aborted) {
      if (status !== last) {
        last = status;
        yield { status };
      }
      const later: Status = await untilAborted(nextStatus(), ended, () => {}).catch(() => status);
      if (known) status = later;
    }
    closing.throwIfAborted();
  }

  return (router) =>
    router.service(HealthService, {
      async check({ service }) {
        if (!names.has(service)) {
          throw rpcError('SERVICE_UNKNOWN', `no service of this name exists here: ${echoed(service)}`);
        }
        return { status: await currentStatus() };
      },

      async list() {
        const status = await currentStatus();
        return { statuses: Object.fromEntries([...names].map((name) => [name, { status }])) };
      },

      watch: ({ service }, context) => openStreams.hold(watch(service, context.signal)),
    });
}
