import { createLogger, loadConfig, runComponents } from '@orderflow/runtime';
import { testStack, uniqueName } from '@orderflow/testing';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyOptions, jwtVerify } from 'jose';
import { createApp, openKeys } from '../src/app.ts';
import { type Config, settings } from '../src/config.ts';

export const quietLogger = createLogger({ service: 'test', level: 'silent' });

/** Settings for the shared stack, with a database of their own. */
export function testConfig(env: NodeJS.ProcessEnv = {}): Config {
  return loadConfig(settings, {
    POSTGRES_URL: testStack().urls.POSTGRES_URL,
    DATABASE_PREFIX: `${uniqueName('identity')}_`,
    PORT: '0',
    SHUTDOWN_GRACE: '4s',
    ...env,
  });
}

/** A response of the token endpoint. */
export interface TokenResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly access_token?: string;
    readonly expires_in?: number;
    readonly token_type?: string;
    readonly error?: string;
    readonly error_description?: string;
  };
}

/** The whole service in this process. */
export async function runStub(config: Config) {
  const logger = quietLogger;
  const app = createApp(config, { logger });
  const components = runComponents(app.components, { logger, graceMs: config.shutdownGraceMs });
  await components.start();
  const baseUrl = `http://127.0.0.1:${app.server.port}`;

  async function token(
    credentials: { id: string; secret: string },
    parameters: Record<string, string> = {},
  ): Promise<TokenResponse> {
    const basic = Buffer.from(`${credentials.id}:${credentials.secret}`).toString('base64');
    const response = await fetch(`${baseUrl}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...parameters }),
    });
    const body = (await response.json()) as TokenResponse['body'];
    return { status: response.status, headers: response.headers, body };
  }

  async function keySet(): Promise<JSONWebKeySet> {
    return (await (await fetch(`${baseUrl}/jwks`)).json()) as JSONWebKeySet;
  }

  return {
    baseUrl,
    issuer: config.issuer ?? `http://localhost:${app.server.port}`,
    token,
    keySet,
    /** Verifies a token with the keys that the service serves now, as orderflow does. */
    async verify(accessToken: string | undefined, options: JWTVerifyOptions = {}) {
      const keys = createLocalJWKSet(await keySet());
      return jwtVerify(accessToken ?? '', keys, { audience: 'orderflow', algorithms: ['RS256'], ...options });
    },
    stop: () => components.stop(),
  };
}

/** Runs the work with the keys in the database, as the service's command does. */
export async function withKeys<T>(
  config: Config,
  work: (keys: ReturnType<typeof openKeys>['keys']) => Promise<T>,
): Promise<T> {
  const { keys, component } = openKeys(config, quietLogger);
  await component.start();
  try {
    return await work(keys);
  } finally {
    await component.stop();
  }
}

/** Whether the service says over HTTP that it is ready. */
export async function isReady(stub: { baseUrl: string }): Promise<boolean> {
  return (await fetch(`${stub.baseUrl}/health/ready`)).ok;
}
