import { z } from 'zod';
import { MASK, maskUrlPasswords } from './mask.ts';
import { durationMs, port, positiveInteger } from './setting-schemas.ts';

/** One environment variable that a process understands. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** Name of the environment variable. */
  readonly env: string;
  /** Reads the text of the variable; gets `undefined` when it is not set and there is no default. */
  readonly schema: Schema;
  /** Used when the variable is not set or empty; written as it would be in the environment. */
  readonly default?: string;
  /** One sentence for the operator. */
  readonly description: string;
  /** Masked in errors and logs. */
  readonly secret?: true;
  /** A value to show in `.env.example` when there is no default. */
  readonly example?: string;
  /** Variables that this one requires: where it is set they must be set too, and not to `false`. */
  readonly requires?: readonly string[];
  /** What is expected where the environment makes it required; undefined where it does not. */
  readonly requiredWhere?: (env: NodeJS.ProcessEnv) => string | undefined;
}

export type Settings = Record<string, Setting>;

/** The values that {@link loadConfig} reads for a set of settings, by the same keys. */
export type ConfigOf<T extends Settings> = { readonly [Key in keyof T]: z.output<T[Key]['schema']> };

/** One setting that is missing or invalid. */
export interface ConfigProblem {
  readonly env: string;
  /** The given value, without secrets; `undefined` when it was not set. */
  readonly given: string | undefined;
  readonly expected: string;
}

/** The environment is invalid. The message is a block of lines, one per problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ env, given, expected }) =>
        `  ${env}: ${given === undefined ? 'not set' : `got ${given}`}, expected ${expected}`,
    );
    super(`Invalid configuration, please correct the environment:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

/**
 * Returns the settings unchanged; infers their exact type, so that {@link loadConfig} knows the type of every value.
 */
export function defineSettings<T extends Settings>(settings: T): T {
  return settings;
}

/**
 * Reads the settings from the environment. An empty variable counts as not set.
 * @throws ConfigError naming every setting that is missing or invalid.
 */
export function loadConfig<T extends Settings>(
  settings: T,
  env: NodeJS.ProcessEnv = process.env,
): ConfigOf<T> {
  const config: Record<string, unknown> = {};
  const problems: ConfigProblem[] = [];
  for (const [key, setting] of Object.entries(settings)) {
    const given = env[setting.env] || undefined;
    const result = setting.schema.safeParse(given ?? setting.default);
    if (result.success) {
      config[key] = result.data;
    } else {
      problems.push({
        env: setting.env,
        given: given === undefined ? undefined : show(setting, JSON.stringify(given)),
        expected: [...new Set(result.error.issues.map((issue) => issue.message))].join(', '),
      });
    }
  }
  problems.push(...missingRequired(settings, env), ...missingHere(settings, env));
  if (problems.length > 0) throw new ConfigError(problems);
  return config as ConfigOf<T>;
}

/** The variables that are not set although another one requires them. */
function missingRequired(settings: Settings, env: NodeJS.ProcessEnv): ConfigProblem[] {
  const isUnset = (name: string) => (env[name] || 'false') === 'false';
  return Object.values(settings)
    .filter((setting) => env[setting.env])
    .flatMap((setting) =>
      (setting.requires ?? []).filter(isUnset).map((name) => ({
        env: name,
        given: env[name] || undefined,
        expected: `a value: ${setting.env} is set`,
      })),
    );
}

/** The settings that are not set where {@link Setting.requiredWhere} expects a value. */
function missingHere(settings: Settings, env: NodeJS.ProcessEnv): ConfigProblem[] {
  return Object.values(settings).flatMap((setting) => {
    const expected = env[setting.env] ? undefined : setting.requiredWhere?.(env);
    return expected === undefined ? [] : [{ env: setting.env, given: undefined, expected }];
  });
}

/** Exit code for an invalid configuration: EX_CONFIG of sysexits.h. */
const EX_CONFIG = 78;

/** {@link loadConfig} for `main.ts`: on a ConfigError prints it to stderr and exits with 78. */
export function loadConfigOrExit<T extends Settings>(settings: T): ConfigOf<T> {
  try {
    return loadConfig(settings);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(EX_CONFIG);
  }
}

/** The values in use by the name of their variable, for logs: without secrets and without passwords in URLs. */
export function describeConfig<T extends Settings>(settings: T, config: ConfigOf<T>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, setting]) => {
      const value: unknown = config[key];
      return [setting.env, value === undefined ? '(not set)' : show(setting, String(value))];
    }),
  );
}

function show(setting: Setting, value: string): string {
  return setting.secret ? MASK : maskUrlPasswords(value);
}

/**
 * The text of `.env.example`: every setting under its title, with its description. Settings that have a default or are
 * optional are commented out.
 */
export function envExample(sections: readonly { title: string; settings: Settings }[]): string {
  return sections
    .map(
      ({ title, settings }) =>
        `# ===== ${title} =====\n\n${Object.values(settings).map(exampleOf).join('\n')}`,
    )
    .join('\n');
}

function exampleOf(setting: Setting): string {
  const required = setting.default === undefined && !setting.schema.safeParse(undefined).success;
  const line = `${setting.env}=${setting.default ?? setting.example ?? ''}`;
  return `# ${setting.description}\n${required ? '' : '#'}${line}\n`;
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** Settings of every process. */
export const commonSettings = defineSettings({
  logLevel: {
    env: 'LOG_LEVEL',
    schema: z.enum(logLevels, `one of ${logLevels.join(', ')}`),
    default: 'info',
    description: `The least severe log lines written: ${logLevels.join(', ')}.`,
  },
  host: {
    env: 'HOST',
    schema: z.string(),
    default: '127.0.0.1',
    description:
      'The address to listen on. Containers need 0.0.0.0. All but loopback addresses need AUTH_ISSUER.',
  },
  managementPort: {
    env: 'MANAGEMENT_PORT',
    schema: port.optional(),
    example: '9001',
    description:
      'Where /metrics and /health/detailed are served; 0 takes a free port. Not set: where the calls are served.',
  },
  maxConnectionsPerAddress: {
    env: 'MAX_CONNECTIONS_PER_ADDRESS',
    schema: z.union(
      [z.literal('off').transform(() => 0), positiveInteger],
      'off or a whole number of at least 1',
    ),
    default: 'off',
    description:
      'The maximum number of connections per client address; off where callers come through a proxy.',
  },
  shutdownGraceMs: {
    env: 'SHUTDOWN_GRACE',
    schema: durationMs,
    default: '10s',
    description: 'How long a process may take to finish its work after SIGTERM before it exits anyway.',
  },
});
