import type { EventEmitter } from 'node:events';
import {
  type AdapterFactory,
  type ClientMetadata,
  type Configuration,
  errors,
  type JWK,
  type KoaContextWithOIDC,
  Provider,
  type ResourceServer,
} from 'oidc-provider';
import type { Client, Role } from '../../domain/clients.ts';
import { personGrantType, readPerson } from '../../domain/person.ts';
import type { SigningKey } from '../../domain/signing-key.ts';

/** What tokens are about. */
export interface TokenRules {
  readonly clients: readonly Client[];
  readonly clientTokenSeconds: number;
  readonly personTokenSeconds: number;
}

export interface ProviderOptions extends TokenRules {
  readonly issuer: string;
  /** The first one signs. */
  readonly keys: readonly SigningKey[];
  readonly models: AdapterFactory;
  /** Called with errors that are no fault of the caller. */
  readonly onError: (error: unknown) => void;
}

/** The one resource that there are tokens for: names of resources are URLs, while `aud` is any text. */
const resource = 'urn:orderflow';
const audience = 'orderflow';

/** Creates oidc-provider with the two grants of this service: client credentials, and tokens of people. */
export function createProvider(options: ProviderOptions): Provider {
  const { issuer, keys, clients, clientTokenSeconds, personTokenSeconds, onError } = options;
  const [signingKey] = keys;
  if (signingKey === undefined) throw new Error('there is no key to sign with');
  const kinds = new Map(clients.map(({ id, kind }) => [id, kind]));
  const resourceServer: ResourceServer = {
    scope: '',
    audience,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: signingKey.alg as 'RS256', kid: signingKey.kid } },
  };

  const configuration: Configuration = {
    adapter: options.models,
    jwks: { keys: keys as readonly JWK[] as JWK[] },
    clients: clients.map(clientMetadata),
    // No pages: there are only tokens for programs, and for people whom a program names.
    responseTypes: [],
    scopes: [],
    claims: {},
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      // A token that is bound to a key would have to be verified with that key.
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo(_, requested) {
          if (requested !== resource) throw new errors.InvalidTarget();
          return resourceServer;
        },
      },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    ttl: { AccessToken: personTokenSeconds, ClientCredentials: clientTokenSeconds },
    extraTokenClaims(ctx, token) {
      return { roles: rolesOf(ctx, kinds.get(token.clientId ?? '')) };
    },
  };
  const provider = new Provider(issuer, configuration);

  provider.registerGrantType(
    personGrantType,
    async (ctx) => {
      const { client, params = {} } = ctx.oidc;
      if (client === undefined) throw new errors.InvalidClient('there is no client');
      const person = readPerson(params);
      if (typeof person === 'string') throw new errors.InvalidRequest(person);
      const token = new provider.AccessToken({
        client,
        accountId: person.subject,
        resourceServer: new provider.ResourceServer(resource, resourceServer),
        scope: '',
      } as ConstructorParameters<typeof provider.AccessToken>[0]);
      ctx.oidc.entity('AccessToken', token);
      ctx.body = {
        access_token: await token.save(),
        expires_in: token.expiration,
        token_type: token.tokenType,
      };
    },
    ['role', 'subject'],
  );

  provider.on('server_error', (_, error) => onError(error));
  // Without a listener Koa writes to the console.
  (provider as EventEmitter).on('error', onError);
  return provider;
}

function clientMetadata({ id, secret, kind }: Client): ClientMetadata {
  return {
    client_id: id,
    client_secret: secret,
    grant_types: [kind === 'people' ? personGrantType : 'client_credentials'],
    redirect_uris: [],
    response_types: [],
  };
}

/** The roles in a token that is being issued. */
function rolesOf(ctx: KoaContextWithOIDC, kind: Client['kind'] | undefined): readonly Role[] {
  if (kind === 'tool') return ['operator', 'service'];
  if (kind !== 'people' && kind !== undefined) return [kind];
  const person = readPerson(ctx.oidc.params ?? {});
  if (typeof person === 'string') throw new errors.InvalidRequest(person);
  return [person.role];
}
