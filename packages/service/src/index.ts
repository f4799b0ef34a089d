import {
  createManagementServer,
  createOwnTokens,
  createRpcServer,
  createSigningKeys,
  createTokens,
  type ManagementServer,
  type OwnTokens,
  type RpcServer,
  type RpcServerOptions,
  type Tokens,
} from '@orderflow/rpc';
import {
  type AuthConfig,
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
import { createHttpServer, type HttpHandler, type HttpServer } from './http-server.ts';

export type { HttpHandler } from './http-server.ts';

/** A service's process, not yet started. */
export interface App<Server extends Component = RpcServer> {
  /** In the order in which they start; they stop in the reverse order. */
  readonly components: readonly Component[];
  readonly health: Health;
  readonly logger: Logger;
  readonly server: Server;
  /** Absent: `MANAGEMENT_PORT` is not set. */
  readonly management: ManagementServer | undefined;
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
      'routes' | 'services' | 'restAdapters' | 'forwarded' | 'refusalError' | 'reasons' | 'cors'
    > {}

/** What a service without RPCs adds to the skeleton. */
export interface HttpParts extends Parts {
  /** Handles every path that is not a page about health or metrics. */
  readonly handle: HttpHandler;
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
  readonly config: ConfigOf<S> & ConfigOf<typeof commonSettings> & AuthConfig;
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
    createApp({ parts, checked = parts, port, ...rpc }) {
      const health = createHealth(checked);
      const shared = {
        service: role === undefined ? service : `${service}-${role.replaceAll(',', '-')}`,
        host: config.host,
        health,
        prometheus: metrics.prometheus,
        logger,
      };
      const { managementPort } = config;
      const management =
        managementPort === undefined
          ? undefined
          : createManagementServer({ ...shared, port: managementPort });
      const server = createRpcServer({
        ...rpc,
        ...shared,
        port,
        hasManagementPort: management !== undefined,
        isOutage: isPostgresOutage,
        tokens: tokensOf(config, logger),
        meter,
        limits: { maxConnectionsPerAddress: config.maxConnectionsPerAddress },
        drainMs: rpc.services.length > 0 ? DRAIN_MS : 0,
        // The rest of the time is for components that stop after the server.
        graceMs: config.shutdownGraceMs / 2,
      });
      // Stops after the server, so that it shows how calls in flight end.
      const servers = management ? [management, server] : [server];
      return { components: [metrics.component, ...parts, ...servers], health, logger, server, management };
    },
    createHttpApp({ parts, checked = parts, port, handle }) {
      const health = createHealth(checked);
      const server = createHttpServer({
        ...{ service, host: config.host, port, health, handle, logger },
        prometheus: metrics.prometheus,
        drainMs: DRAIN_MS,
        graceMs: config.shutdownGraceMs / 2,
      });
      return { components: [metrics.component, ...parts, server], health, logger, server };
    },
  };
}

/** Verifies the tokens of callers; undefined: everybody may call. */
function tokensOf(config: Partial<AuthConfig>, logger: Logger): Tokens | undefined {
  const { authIssuer: issuer, authJwksUrl, authAudience: audience } = config;
  if (issuer === undefined) return undefined;
  const terms = {
    issuer,
    audience,
    rolesClaim: config.authRolesClaim,
    customerClaim: config.authCustomerClaim,
  };
  const url = authJwksUrl ?? below(issuer, 'jwks');
  return createTokens(terms, { findKey: createSigningKeys({ url, logger, now: Date.now }), now: Date.now });
}

function ownTokensOf(config: Partial<AuthConfig>, logger: Logger): OwnTokens | undefined {
  const { authIssuer, authTokenUrl, authAudience: audience, authTokenScope: scope } = config;
  const { authClientId, authClientSecret } = config;
  if (authIssuer === undefined || authClientId === undefined || authClientSecret === undefined)
    return undefined;
  const tokenUrl = authTokenUrl ?? below(authIssuer, 'token');
  const client = { clientId: authClientId, clientSecret: authClientSecret };
  return createOwnTokens({ tokenUrl, ...client, audience, scope, logger, now: Date.now });
}

function below(issuer: string, name: string): string {
  return `${issuer.replace(/\/$/, '')}/${name}`;
}
