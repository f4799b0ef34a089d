import {
  createOwnTokens,
  createRateLimits,
  createSigningKeys,
  createTokens,
  type OwnTokens,
  type RpcServerOptions,
  type SharedCounts,
} from '@orderflow/rpc';
import { type AuthConfig, belowIssuer, type Logger, type Meter } from '@orderflow/runtime';

/** Access as a process is configured; without the settings it requires no tokens, and has none. */
export type AccessConfig = AuthConfig | { readonly authIssuer?: undefined };

/** Who may call, and how often; without an issuer everybody, as often as they like. */
export function accessOf(
  config: AccessConfig,
  shared: SharedCounts | undefined,
  logger: Logger,
  meter: Meter,
): Pick<RpcServerOptions, 'tokens' | 'rateLimits'> {
  if (config.authIssuer === undefined) return {};
  const { authIssuer: issuer, authAudience: audience } = config;
  const { authRolesClaim: rolesClaim, authCustomerClaim: customerClaim } = config;
  const { authJwksUrl: url = belowIssuer(issuer, 'jwks') } = config;
  const findKey = createSigningKeys({ url, logger });
  const { rateLimit: perCaller, serviceRateLimit: perService } = config;
  return {
    tokens: createTokens({ issuer, audience, rolesClaim, customerClaim }, { findKey, now: Date.now }),
    rateLimits: createRateLimits({ perCaller, perService, shared, logger, meter }),
  };
}

/** The tokens for calls of its own; undefined: they have none. */
export function ownTokensOf(config: AccessConfig, logger: Logger): OwnTokens | undefined {
  if (config.authIssuer === undefined) return undefined;
  const { authIssuer, authTokenUrl, authAudience: audience, authTokenScope: scope } = config;
  const { authClientId, authClientSecret } = config;
  if (authClientId === undefined || authClientSecret === undefined) return undefined;
  const tokenUrl = authTokenUrl ?? belowIssuer(authIssuer, 'token');
  const client = { clientId: authClientId, clientSecret: authClientSecret };
  return createOwnTokens({ tokenUrl, ...client, audience, scope, logger });
}
