import { accessSync, constants } from 'node:fs';
import { url } from './setting-schemas.ts';

/** Returns the problem of a parameter's value; undefined where it is valid. */
type Check = (value: string) => string | undefined;

const anything: Check = () => undefined;
const oneOf =
  (...allowed: readonly string[]): Check =>
  (value) =>
    allowed.includes(value) ? undefined : `one of ${allowed.join(', ')}`;

/** Checks a path. */
export const readableFile: Check = (value) => {
  try {
    accessSync(value, constants.R_OK);
    return undefined;
  } catch {
    return 'a file that can be read';
  }
};

/**
 * A URL whose parameters are all known to its client: an unknown or repeated parameter is rejected by its name. A
 * parameter that is silently ignored could be the one that was meant to encrypt the connection.
 * @param options.canonical normalises names as the driver does: names that become equal are one parameter. By default
 * names are compared unchanged.
 */
function urlWith(
  protocols: [string, ...string[]],
  parameters: Readonly<Record<string, Check>>,
  { canonical = (name) => name }: { canonical?: (name: string) => string } = {},
) {
  const checks = new Map(Object.entries(parameters).map(([name, check]) => [canonical(name), check]));
  const known = Object.keys(parameters).join(', ');
  return url(...protocols).superRefine((value, context) => {
    const problem = (message: string) => context.addIssue({ code: 'custom', message });
    if (value.includes('#')) problem('no "#" (in a password it is written %23)');
    const seen = new Set<string>();
    for (const [name, given] of new URLSearchParams(value.split('#')[0]?.split('?')[1] ?? '')) {
      const check = checks.get(canonical(name));
      if (check === undefined) problem(`no parameter "${name}" (known parameters: ${known})`);
      else if (seen.has(canonical(name))) problem(`the parameter ${name} once`);
      else if (check(given) !== undefined) problem(`${name} to be ${check(given)}`);
      seen.add(canonical(name));
    }
  });
}

/** `allow` and `prefer` are excluded: they fall back to plain text when the server prefers it. */
export const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;

/** A Postgres server. `packages/storage` connects by it. */
export const postgresServerUrl = urlWith(['postgres', 'postgresql'], {
  sslmode: oneOf(...sslModes),
  sslrootcert: readableFile,
});

const boolean = oneOf('true', 'false');

/** A MongoDB server, with the parameters of its driver that we do not set ourselves. */
export const mongoServerUrl = urlWith(
  ['mongodb', 'mongodb+srv'],
  {
    authSource: anything,
    authMechanism: anything,
    authMechanismProperties: anything,
    replicaSet: anything,
    tls: boolean,
    ssl: boolean,
    tlsCAFile: readableFile,
    tlsCertificateKeyFile: readableFile,
    tlsCertificateKeyFilePassword: anything,
    tlsAllowInvalidCertificates: boolean,
    tlsAllowInvalidHostnames: boolean,
    tlsInsecure: boolean,
    directConnection: boolean,
    loadBalanced: boolean,
    readPreference: anything,
    readConcernLevel: anything,
    retryReads: boolean,
    retryWrites: boolean,
    compressors: anything,
    maxPoolSize: anything,
    minPoolSize: anything,
    maxIdleTimeMS: anything,
    heartbeatFrequencyMS: anything,
  },
  // Only this driver ignores the case of names.
  { canonical: (name) => name.toLowerCase() },
);

/** A Redis server; `rediss://` encrypts. */
export const redisServerUrl = urlWith(['redis', 'rediss'], { family: oneOf('4', '6') });
