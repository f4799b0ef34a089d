import { constants, KeyObject, verify, type webcrypto } from 'node:crypto';
import {
  decodeProtectedHeader,
  errors,
  type JWTClaimVerificationOptions,
  type JWTPayload,
  UnsecuredJWT,
} from 'jose';
import type { FindKey } from './signing-keys.ts';

/** How Node verifies a signature. */
interface Algorithm {
  /** Undefined: the algorithm hashes by itself. */
  readonly hash: string | undefined;
  readonly options?:
    | { readonly padding: number; readonly saltLength: number }
    | { dsaEncoding: 'ieee-p1363' };
}

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const ecdsa = { dsaEncoding: 'ieee-p1363' } as const;

/**
 * Signatures with public keys only (RFC 7518, 8037): with an algorithm that uses a secret, a public key could be taken
 * for it.
 */
const algorithms: ReadonlyMap<unknown, Algorithm> = new Map<string, Algorithm>([
  ...['256', '384', '512'].flatMap((bits): [string, Algorithm][] => [
    [`RS${bits}`, { hash: `sha${bits}` }],
    [`PS${bits}`, { hash: `sha${bits}`, options: pss }],
    [`ES${bits}`, { hash: `sha${bits}`, options: ecdsa }],
  ]),
  ['EdDSA', { hash: undefined }],
  ['Ed25519', { hash: undefined }],
]);

const MIN_RSA_BITS = 2048;

/** The header of a JSON Web Token without a signature. */
const unsecured = Buffer.from('{"alg":"none"}').toString('base64url');

const keyObjects = new WeakMap<webcrypto.CryptoKey, KeyObject>();

/**
 * Verifies a JSON Web Token (RFC 7519), and returns its claims. It does what `jwtVerify` of jose does, but verifies the
 * signature on this thread: `jwtVerify` hands each to another, which costs more than most signatures. Header, keys and
 * claims are read by jose.
 * @throws errors of jose, and what `findKey` throws
 */
export async function verifyToken(
  token: string,
  findKey: FindKey,
  options: JWTClaimVerificationOptions,
): Promise<JWTPayload> {
  const [header, payload, signature, ...others] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || others.length > 0)
    throw new errors.JWTInvalid('it has not three parts');
  const { alg, kid, ...rest } = decodeProtectedHeader(token);
  const algorithm = algorithms.get(alg);
  if (alg === undefined || algorithm === undefined) throw new errors.JOSEAlgNotAllowed();
  // Nothing that must be understood is.
  if (rest.crit !== undefined || rest.b64 !== undefined) throw new errors.JWSInvalid('it has extensions');
  const { hash, options: how } = algorithm;
  const key = keyObjectOf(await findKey({ alg, ...(kid !== undefined && { kid }) }));
  const signed = Buffer.from(token.slice(0, -signature.length - 1), 'latin1');
  // Node takes as long to look into an object with options as to verify a signature of RSA.
  if (!verify(hash, signed, how === undefined ? key : { key, ...how }, signatureOf(signature)))
    throw new errors.JWSSignatureVerificationFailed();
  return UnsecuredJWT.decode(`${unsecured}.${payload}.`, options).payload;
}

/** The key, which belongs to the algorithm: whatever found it has compared them. */
function keyObjectOf(key: webcrypto.CryptoKey): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined) return known;
  const created = KeyObject.from(key);
  const { modulusLength } = created.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS)
    throw new errors.JWSSignatureVerificationFailed(`the key has fewer than ${MIN_RSA_BITS} bits`);
  keyObjects.set(key, created);
  return created;
}

/**
 * The bytes of a signature that is spelled as its issuer must. It is not signed itself, and is decoded from thousands
 * of others (`+` for `-`): each would be kept as a token of its own, in the place of another caller's.
 */
function signatureOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw new errors.JWSInvalid('its signature is not base64url');
  return bytes;
}
