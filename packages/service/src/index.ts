import {
  createHttpServer,
  createRpcServer,
  type HttpHandler,
  type HttpServer,
  type OwnTokens,
  type RpcServer,
  type RpcServerOptions,
  type SharedCounts,
} from '@orderflow/rpc';
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
import { type AccessConfig, accessOf, ownTokensOf } from './access.ts';

export type { HttpHandler } from '@orderflow/rpc';

/** A service's process, not yet started. */
export interface App<Server extends Component = RpcServer> {
  /** In the order in which they start; they stop in the reverse order. */
  readonly components: readonly Component[];
  readonly health: Health;
  readonly logger: Logger;
  readonly server: Server;
  /** Absent: `MANAGEMENT_PORT` is not set. */
  readonly management: HttpServer | undefined;
}

/** What every service adds to the skeleton. */
interface Parts {
  /** Everything but the server, in the order in which it starts. */
  readonly parts: readonly Component[];
  /** The parts that readiness depends on; absent: all of them. */
  readonly checked?: readonly Component[];
  readonly port: number;
}

/** What a service adds to the skeleton. */
export interface ServiceParts
  extends Parts,
    Pick<
      RpcServerOptions,
      'routes' | 'services' | 'restAdapters' | 'forwarded' | 'eventDocs' | 'refusalError' | 'reasons' | 'cors'
    > {
  /** Where instances share how often callers call. Absent: each counts for itself. */
  readonly sharedCounts?: SharedCounts | undefined;
}

/** What a service without RPCs adds to the skeleton. */
export interface HttpParts extends Parts {
  /** Handles every path that is not a page about health or metrics. */
  readonly handle: HttpHandler;
}

/** How long a process that serves calls reports "not ready" before it accepts no more. */
const DRAIN_MS = 200;
/** Of a service without RPCs. */
const MAX_HTTP_CONNECTIONS = 1_000;
/** Scrapers and probes are few. */
const MAX_MANAGEMENT_CONNECTIONS = 64;
/** Pages take milliseconds, a check 1 s at most. */
const LAST_PAGES_MS = 1_000;

/**
 * Opens the logs and metrics of a process, and logs its configuration. `service`: the name in log lines and metrics;
 * `role`: of a service that has several. `logger`: another one, for tests.
 */
export function openService<S extends Settings & typeof commonSettings>(options: {
  readonly service: string;
  readonly role?: string;
  readonly settings: S;
  readonly config: ConfigOf<S> & ConfigOf<typeof commonSettings> & AccessConfig;
  readonly logger?: Logger | undefined;
}): {
  readonly logger: Logger;
  readonly meter: Meter;
  /** The tokens for calls of its own; undefined: they have none. */
  readonly ownTokens: OwnTokens | undefined;
  createApp(parts: ServiceParts): App;
  /** Creates the process of a service without RPCs. */
  createHttpApp(parts: HttpParts): App<HttpServer>;
} {
  const { service, role, settings, config } = options;
  const identity = { service, ...(role !== undefined && { role }) };
  const logger = options.logger ?? createLogger({ ...identity, level: config.logLevel });
  const metrics = createMetrics(identity);
  const { meter } = metrics;
  logger.info({ config: describeConfig(settings, config) }, 'configuration');

  return {
    logger,
    meter,
    ownTokens: ownTokensOf(config, logger),
    createApp({ parts, checked = parts, port, sharedCounts, ...rpc }) {
      const { shared, management } = open(checked);
      const server = createRpcServer({
        ...rpc,
        ...shared,
        port,
        isOutage: isPostgresOutage,
        ...accessOf(config, sharedCounts, logger, meter),
        meter,
        limits: { maxConnectionsPerAddress: config.maxConnectionsPerAddress },
        drainMs: rpc.services.length > 0 ? DRAIN_MS : 0,
      });
      return appOf(parts, server, shared.health, management);
    },
    createHttpApp({ parts, checked = parts, port, handle }) {
      const { shared, management } = open(checked);
      const server = createHttpServer({
        ...shared,
        ...{ name: 'http-server', port, handle, maxConnections: MAX_HTTP_CONNECTIONS, drainMs: DRAIN_MS },
      });
      return appOf(parts, server, shared.health, management);
    },
  };

  /** What the servers of the process share, and the one on the management port. */
  function open(checked: readonly Component[]) {
    const { host, managementPort } = config;
    const health = createHealth(checked);
    const pages = {
      service: role === undefined ? service : `${service}-${role.replaceAll(',', '-')}`,
      ...{ host, health, prometheus: metrics.prometheus, logger },
      // The rest of the time is for components that stop after the server.
      graceMs: config.shutdownGraceMs / 2,
    };
    const management =
      managementPort === undefined
        ? undefined
        : createHttpServer({
            ...pages,
            ...{ name: 'management-server', port: managementPort, graceMs: LAST_PAGES_MS },
            maxConnections: MAX_MANAGEMENT_CONNECTIONS,
          });
    return { shared: { ...pages, hasManagementPort: management !== undefined }, management };
  }

  function appOf<Server extends Component>(
    parts: readonly Component[],
    server: Server,
    health: Health,
    management: HttpServer | undefined,
  ): App<Server> {
    // It stops after the server, so that it shows how calls in flight end.
    const servers = management ? [management, server] : [server];
    return { components: [metrics.component, ...parts, ...servers], health, logger, server, management };
  }
}
