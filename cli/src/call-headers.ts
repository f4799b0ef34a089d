import { Code, type ConnectError } from '@connectrpc/connect';
import type { OwnTokens } from '@orderflow/rpc';
import { belowIssuer, createLogger } from '@orderflow/runtime';
import { whoAmI } from './audit.ts';
import { type CallHeaders, CommandError } from './cli.ts';
import type { Config } from './config.ts';

/**
 * Creates the function that returns the headers of calls. Their token is `ORDERS_TOKEN`, or one that is fetched for
 * `AUTH_CLIENT_ID`; without both settings they have none.
 */
export function createCallHeaders(config: Config): CallHeaders {
  const { user, host } = whoAmI();
  const operator = { 'x-caller-id': `${user}@${host}` };
  const token = tokenOf(config);
  return async () => {
    const present = await token();
    return { ...operator, ...(present !== undefined && { authorization: `Bearer ${present}` }) };
  };
}

function tokenOf(config: Config): () => Promise<string | undefined> {
  const { ordersToken, authIssuer, authClientId: clientId, authClientSecret: clientSecret } = config;
  if (ordersToken !== undefined) return async () => ordersToken;
  if (authIssuer === undefined || clientId === undefined || clientSecret === undefined)
    return async () => undefined;
  const { authTokenUrl: tokenUrl = belowIssuer(authIssuer, 'token') } = config;
  const client = { clientId, clientSecret };

  /** Loads its code with the first call: most commands, and systems without access, have no use for it. */
  async function openTokens(): Promise<OwnTokens> {
    const { createOwnTokens } = await import('@orderflow/rpc');
    return createOwnTokens({
      ...{ tokenUrl, ...client, audience: config.authAudience, scope: config.authTokenScope },
      // The commands explain errors themselves.
      logger: createLogger({ service: 'cli', level: 'silent' }),
    });
  }

  let tokens: Promise<OwnTokens> | undefined;
  return async () => {
    try {
      tokens ??= openTokens();
      return await (await tokens).current();
    } catch (error) {
      throw new CommandError(
        `${tokenUrl} gives no token to ${clientId}: is it running, and are AUTH_TOKEN_URL, AUTH_CLIENT_ID and AUTH_CLIENT_SECRET right? (${causeOf(error)})`,
      );
    }
  };
}

/** The innermost cause: `fetch failed` says nothing. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message || error.name : causeOf(error.cause);
}

/**
 * Explains that `what` refuses the token of a call, or that there is none, and what to do; undefined for other errors.
 */
export function tokenProblem(what: string, error: ConnectError, config: Config): string | undefined {
  const { ordersToken, authIssuer, authClientId } = config;
  const isMissing = ordersToken === undefined && (authIssuer === undefined || authClientId === undefined);
  const source = ordersToken === undefined ? `AUTH_CLIENT_ID (${authClientId})` : 'ORDERS_TOKEN';
  switch (error.code) {
    case Code.Unauthenticated:
      return isMissing
        ? `${what} wants a token: set AUTH_ISSUER, AUTH_CLIENT_ID and AUTH_CLIENT_SECRET, or ORDERS_TOKEN.`
        : `${what} refuses the token of ${source}: set one of the issuer and for the audience that it accepts. (${error.rawMessage})`;
    case Code.PermissionDenied:
      return isMissing
        ? undefined
        : `${what} does not allow this to the token of ${source}: use one with the role that is needed. (${error.rawMessage})`;
    default:
      return undefined;
  }
}
