import type { Component, Logger } from '@orderflow/runtime';
import { type App, openService } from '@orderflow/service';
import { createPostgres, isPostgresOutage, type Postgres } from '@orderflow/storage';
import { type Config, settings } from './config.ts';
import { identityHandler } from './inbound/http/identity-handler.ts';
import { createProvider } from './inbound/http/provider.ts';
import { migrations } from './migrations/index.ts';
import { SigningKeyRow, StoredModelRow } from './outbound/postgres/entities.ts';
import { postgresModels } from './outbound/postgres/model-adapter.ts';
import { postgresSigningKeys, seedKeys } from './outbound/postgres/signing-keys.ts';
import type { SigningKeys } from './ports.ts';

const service = 'identity-stub';

/** Replacements for real dependencies in tests. */
export interface Overrides {
  readonly logger?: Logger;
}

/** Creates the service: the only place that knows every concrete part. */
export function createApp(
  config: Config,
  overrides: Overrides = {},
): App<Component & { readonly port: number }> {
  const skeleton = openService({ service, settings, config, ...overrides });
  const { logger } = skeleton;
  const { component: postgres, database } = openDatabase(config, logger);
  const models = postgresModels(database);

  const app = skeleton.createHttpApp({
    parts: [postgres],
    port: config.port,
    handle: identityHandler({
      keys: postgresSigningKeys(database),
      createProvider: (keys) =>
        createProvider({
          ...config,
          issuer: config.issuer ?? `http://localhost:${app.server.port}`,
          keys,
          models,
          onError: (error) => logger.error({ err: error }, 'request failed'),
        }),
      isOutage: isPostgresOutage,
    }),
  });
  return app;
}

/** Opens the keys for a command: `component` must be started first, and stopped at the end. */
export function openKeys(
  config: Config,
  logger: Logger,
): { readonly keys: SigningKeys; readonly component: Component } {
  const { component, database } = openDatabase(config, logger);
  return { keys: postgresSigningKeys(database), component };
}

function openDatabase(config: Config, logger: Logger): Postgres {
  return createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}identity`,
    applicationName: service,
    entities: [SigningKeyRow, StoredModelRow],
    migrations,
    seed: seedKeys,
    logger,
  });
}
