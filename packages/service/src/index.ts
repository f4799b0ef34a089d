import { createRpcServer, type RpcServer, type RpcServerOptions } from '@orderflow/rpc';
import {
  type Component,
  type ConfigOf,
  type commonSettings,
  createHealth,
  createLogger,
  createMetrics,
  describeConfig,
  type Health,
  type Logger,
  type Meter,
  type Settings,
} from '@orderflow/runtime';
import { isPostgresOutage } from '@orderflow/storage';

/** A service's process, not yet started. */
export interface App {
  /** In the order in which they start; they stop in the reverse order. */
  readonly components: readonly Component[];
  readonly health: Health;
  readonly logger: Logger;
  readonly server: RpcServer;
}

/** What a service adds to the skeleton. */
export interface ServiceParts
  extends Pick<
    RpcServerOptions,
    'routes' | 'services' | 'restAdapters' | 'forwarded' | 'refusalError' | 'reasons' | 'cors'
  > {
  /** Everything but the server, in the order in which it starts. */
  readonly parts: readonly Component[];
  /** The parts that readiness depends on; absent: all of them. */
  readonly checked?: readonly Component[];
  readonly port: number;
}

/** How long a process that serves calls reports "not ready" before it accepts no more. */
const DRAIN_MS = 200;

/**
 * Opens the logs and metrics of a process, and logs its configuration. `service`: the name in log lines and metrics;
 * `role`: of a service that has several. `logger`: another one, for tests.
 */
export function openService<S extends Settings & typeof commonSettings>(options: {
  readonly service: string;
  readonly role?: string;
  readonly settings: S;
  readonly config: ConfigOf<S> & ConfigOf<typeof commonSettings>;
  readonly logger?: Logger | undefined;
}): { readonly logger: Logger; readonly meter: Meter; createApp(parts: ServiceParts): App } {
  const { service, role, settings, config } = options;
  const identity = { service, ...(role !== undefined && { role }) };
  const logger = options.logger ?? createLogger({ ...identity, level: config.logLevel });
  const metrics = createMetrics(identity);
  const { meter } = metrics;
  logger.info({ config: describeConfig(settings, config) }, 'configuration');

  return {
    logger,
    meter,
    createApp({ parts, checked = parts, port, ...rpc }) {
      const health = createHealth(checked);
      const server = createRpcServer({
        ...rpc,
        service: role === undefined ? service : `${service}-${role.replaceAll(',', '-')}`,
        host: config.host,
        port,
        isOutage: isPostgresOutage,
        health,
        prometheus: metrics.prometheus,
        logger,
        meter,
        limits: { maxConnectionsPerAddress: config.maxConnectionsPerAddress },
        drainMs: rpc.services.length > 0 ? DRAIN_MS : 0,
        // The rest of the time is for components that stop after the server.
        graceMs: config.shutdownGraceMs / 2,
      });
      return { components: [metrics.component, ...parts, server], health, logger, server };
    },
  };
}
