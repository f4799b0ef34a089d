import { createRpcServer, type RpcServerOptions } from '@orderflow/rpc';
import { createHealth, createLogger, createMetrics } from '@orderflow/runtime';

/** Starts a server of ours with nothing behind it, as the services have it. Resolves to its port. */
export async function startBareServer(
  parts: Pick<RpcServerOptions, 'service' | 'routes' | 'services' | 'restAdapters' | 'tokens' | 'rateLimits'>,
): Promise<number> {
  const { service } = parts;
  const metrics = createMetrics({ service });
  const server = createRpcServer({
    ...parts,
    host: '127.0.0.1',
    port: 0,
    health: createHealth([]),
    prometheus: metrics.prometheus,
    logger: createLogger({ service, level: 'warn' }),
    meter: metrics.meter,
    drainMs: 0,
    graceMs: 1_000,
  });
  await server.start();
  return server.port;
}
