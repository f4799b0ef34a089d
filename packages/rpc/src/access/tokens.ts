import { hash as hashOf } from 'node:crypto';
import { Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { errors, type JWTPayload } from 'jose';
import { LRUCache } from 'lru-cache';
import { rpcError } from '../errors.ts';
import type { Caller } from './caller.ts';
import { type FindKey, isOutageOfKeys } from './signing-keys.ts';
import { verifyToken } from './verify-token.ts';

/** Longer than any token of an identity provider: what is longer is not read. */
const MAX_LENGTH = 8 * 1024;
/** How far clocks may be apart. */
const TOLERANCE_S = 30;
/** A verified token is not verified again for this time: for so long it stays good after its key has been taken out. */
const KEEP_MS = 60_000;
/** The tokens that are kept: about 500 bytes each. */
const MAX_KEPT = 10_000;

const roleNames: Readonly<Record<string, Role>> = {
  customer: Role.CUSTOMER,
  operator: Role.OPERATOR,
  service: Role.SERVICE,
};

/** The name of a role in tokens. */
export function roleName(role: Role): string {
  return Object.entries(roleNames).find(([, each]) => each === role)?.[0] ?? String(role);
}

/** What tokens must say. */
export interface TokenTerms {
  /** The `iss` of every token. */
  readonly issuer: string;
  /** One of the `aud` of every token. */
  readonly audience: string;
  /** The claim with the roles: its name, or a path to it with dots. */
  readonly rolesClaim: string;
  /** The claim with the id of the customer, in the same way. */
  readonly customerClaim: string;
}

/** Reads tokens. */
export interface Tokens {
  /**
   * Returns who has this token: at once when it has been verified in the last minute.
   * @throws UNAUTHENTICATED that says what is wrong with it; DEPENDENCY_UNAVAILABLE while it cannot be verified
   */
  read(token: string): Caller | Promise<Caller>;
}

interface Kept {
  readonly caller: Caller;
  readonly since: number;
  readonly until: number;
}

/** Verifies JSON Web Tokens (RFC 7519). */
export function createTokens(
  terms: TokenTerms,
  { findKey, now }: { readonly findKey: FindKey; readonly now: () => number },
): Tokens {
  const kept = new LRUCache<string, Kept>({ max: MAX_KEPT });

  async function verified(token: string, hash: string): Promise<Caller> {
    const since = now();
    const currentDate = new Date(since);
    let payload: JWTPayload;
    try {
      payload = await verifyToken(token, findKey, {
        issuer: terms.issuer,
        audience: terms.audience,
        clockTolerance: TOLERANCE_S,
        currentDate,
        requiredClaims: ['sub', 'exp'],
      });
    } catch (error) {
      throw isOutageOfKeys(error) ? error : unauthenticated(problemOf(error), error);
    }
    const caller = callerOf(payload, terms);
    const until = Math.min(since + KEEP_MS, caller.expiresAt);
    kept.set(hash, { caller, since, until });
    return caller;
  }

  return {
    read(token) {
      if (token.length > MAX_LENGTH) throw unauthenticated(`it is longer than ${MAX_LENGTH} characters`);
      // A token is a secret, which is not kept in memory.
      const hash = hashOf('sha256', token, 'base64');
      const known = kept.get(hash);
      const time = now();
      // The time of day goes back when it is corrected.
      if (known !== undefined && known.since <= time && time < known.until) return known.caller;
      kept.delete(hash);
      return verified(token, hash);
    },
  };
}

/** An error for a token that is missing, or is not good. */
export function unauthenticated(problem: string, cause?: unknown) {
  const error = rpcError('UNAUTHENTICATED', `the token is not accepted: ${problem}`, {}, [], cause);
  error.metadata.set('www-authenticate', 'Bearer error="invalid_token"');
  return error;
}

/** What is wrong with a token, for its sender; nothing that only its issuer may know. */
function problemOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'nbf') return 'it is not valid yet';
    return error.reason === 'missing'
      ? `it has no ${error.claim}`
      : `its ${error.claim} is not the expected one`;
  }
  if (error instanceof errors.JWKSNoMatchingKey) return 'its issuer has no such key';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  return 'it is no JSON Web Token that can be verified';
}

function callerOf(payload: JWTPayload, { issuer, rolesClaim, customerClaim }: TokenTerms): Caller {
  const subject = subjectOf(payload);
  const names = claim(payload, rolesClaim);
  const roles = (Array.isArray(names) ? names : [names]).flatMap((name) =>
    typeof name === 'string' && Object.hasOwn(roleNames, name) ? [roleNames[name] as Role] : [],
  );
  const customerId = roles.includes(Role.CUSTOMER) ? claim(payload, customerClaim) : '';
  return {
    issuer,
    subject,
    roles: new Set(roles),
    customerId: typeof customerId === 'string' && isCustomerId(customerId) ? customerId : '',
    onBehalfOf: undefined,
    id: `${subject}@${issuer.replace(/^https?:\/\//, '')}`,
    expiresAt: ((payload.exp ?? 0) + TOLERANCE_S) * 1000,
  };
}

/**
 * A subject that cannot be taken for another: JSON has numbers and lists with the same text, and `shop@id.example for
 * ann` would be a service that calls for her.
 */
function subjectOf({ sub }: { readonly sub?: unknown }): string {
  if (typeof sub !== 'string' || sub === '') throw unauthenticated('its sub is not a text, or is empty');
  if (!isPrintable(sub))
    throw unauthenticated('its sub has characters that are not printable ASCII, or too many');
  if (sub.includes(' for ')) throw unauthenticated('its sub has " for ", as the name of another caller has');
  return sub;
}

/** As the contract has it; a store could not compare it with its own otherwise. */
function isCustomerId(text: string): boolean {
  return text.length <= 256 && text.isWellFormed() && !/\p{Cc}/u.test(text);
}

function isPrintable(subject: string): boolean {
  return /^[\x21-\x7e][\x20-\x7e]{0,511}$/.test(subject);
}

/** A claim by its name, which may have dots, or by a path. */
function claim(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  return name.split('.').reduce<unknown>((value, key) => {
    const isOwn = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    return isOwn ? (value as Record<string, unknown>)[key] : undefined;
  }, payload);
}
