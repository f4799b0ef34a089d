import { isIP } from 'node:net';
import { z } from 'zod';
import { type ConfigOf, defineSettings } from './config.ts';
import { positiveIntegerOrOff, url } from './setting-schemas.ts';

const claim = z.string().regex(/^[\x21-\x7e]+$/, 'the name of a claim, or a path to it with dots');

/** Who may call a process, how often, and as whom it calls others. */
export const authSettings = defineSettings({
  authIssuer: {
    env: 'AUTH_ISSUER',
    schema: url('http', 'https').optional(),
    requiredWhere: ({ HOST }) =>
      isLoopback(HOST || '127.0.0.1')
        ? undefined
        : `a value: HOST is ${HOST}, and without it everybody who reaches that may call everything`,
    example: 'https://id.example/realms/shop',
    description:
      'The `iss` of every token that is accepted. Not set, which only a loopback HOST allows: everybody may call everything.',
  },
  authJwksUrl: {
    env: 'AUTH_JWKS_URL',
    schema: url('http', 'https').optional(),
    requires: ['AUTH_ISSUER'],
    example: 'https://id.example/realms/shop/protocol/openid-connect/certs',
    description: 'Where the issuer publishes its keys. Not set: AUTH_ISSUER and /jwks.',
  },
  authAudience: {
    env: 'AUTH_AUDIENCE',
    schema: z.string(),
    default: 'orderflow',
    description: 'One of the `aud` of every token that is accepted; asked for in tokens of its own.',
  },
  authRolesClaim: {
    env: 'AUTH_ROLES_CLAIM',
    schema: claim,
    default: 'roles',
    description:
      'The claim with the roles customer, operator and service: its name, or a path such as realm_access.roles.',
  },
  authCustomerClaim: {
    env: 'AUTH_CUSTOMER_CLAIM',
    schema: claim,
    default: 'sub',
    description: 'The claim with the id of the customer, in tokens of customers: its name, or a path.',
  },
  rateLimit: {
    env: 'RATE_LIMIT',
    schema: positiveIntegerOrOff,
    default: '50',
    description:
      'How many calls a second each customer and each operator may make, on average over two seconds: twice as many may come at once. Heavy methods count as several. off: no limit, as without AUTH_ISSUER.',
  },
  serviceRateLimit: {
    env: 'RATE_LIMIT_SERVICES',
    schema: positiveIntegerOrOff,
    default: 'off',
    description: 'The same for each service that calls.',
  },
  authTokenUrl: {
    env: 'AUTH_TOKEN_URL',
    schema: url('http', 'https').optional(),
    requires: ['AUTH_ISSUER'],
    example: 'https://id.example/realms/shop/protocol/openid-connect/token',
    description: 'Where a process gets tokens for its own calls. Not set: AUTH_ISSUER and /token.',
  },
  authTokenScope: {
    env: 'AUTH_TOKEN_SCOPE',
    schema: z.string().optional(),
    requires: ['AUTH_CLIENT_ID'],
    example: 'api://orderflow/.default',
    description: 'The scope that it asks for in these tokens, where the issuer wants one, as Entra ID does.',
  },
  authClientId: {
    env: 'AUTH_CLIENT_ID',
    schema: z.string().optional(),
    requires: ['AUTH_ISSUER', 'AUTH_CLIENT_SECRET'],
    example: 'order',
    description:
      'The client that a process is to the issuer; its tokens need the role service. Not set: its own calls have no token.',
  },
  authClientSecret: {
    env: 'AUTH_CLIENT_SECRET',
    schema: z.string().optional(),
    requires: ['AUTH_CLIENT_ID'],
    secret: true,
    description: 'The secret of that client.',
  },
});

/** The values of these settings. */
export type AuthConfig = ConfigOf<typeof authSettings>;

/** Where an issuer serves its keys or its tokens unless a setting says otherwise. */
export function belowIssuer(issuer: string, name: 'jwks' | 'token'): string {
  return `${issuer.replace(/\/$/, '')}/${name}`;
}

/** Whether only this machine can reach an address. A name could be any address, but for `localhost`. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
