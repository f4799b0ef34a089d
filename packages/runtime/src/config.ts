import { z } from 'zod';
import { MASK, maskUrlPasswords } from './mask.ts';
import { durationMs } from './setting-schemas.ts';

/** One environment variable that a process understands. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** Name of the environment variable. */
  readonly env: string;
  /** Reads the text of the variable; gets `undefined` when it is not set and there is no default. */
  readonly schema: Schema;
  /** Used when the variable is not set or empty; written as it would be in the environment. */
  readonly default?: string;
  /** One sentence for the person who runs the process. */
  readonly description: string;
  /** Never shown, neither in errors nor in logs. */
  readonly secret?: true;
  /** A value to show in `.env.example` when there is no default. */
  readonly example?: string;
}

export type Settings = Record<string, Setting>;

/** The values that {@link loadConfig} reads for some settings, by the same keys. */
export type ConfigOf<T extends Settings> = { readonly [Key in keyof T]: z.output<T[Key]['schema']> };

/** One setting that cannot be used. */
export interface ConfigProblem {
  readonly env: string;
  /** What was given, without secrets; `undefined` when nothing was. */
  readonly given: string | undefined;
  readonly expected: string;
}

/** The environment cannot be used. The message is a block of lines, one per problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ env, given, expected }) =>
        `  ${env}: ${given === undefined ? 'not set' : `got ${given}`}, expected ${expected}`,
    );
    super(`Wrong configuration, please correct the environment:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

/** The settings as given; names their exact type, so that {@link loadConfig} knows the type of every value. */
export function defineSettings<T extends Settings>(settings: T): T {
  return settings;
}

/**
 * Reads the settings from the environment. An empty variable counts as not set.
 * @throws ConfigError naming every setting that is missing or wrong.
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
  if (problems.length > 0) throw new ConfigError(problems);
  return config as ConfigOf<T>;
}

/** Exit code for a configuration that cannot be used: EX_CONFIG of sysexits.h. */
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
 * The text of `.env.example`: every setting under its title, with its description. Lines that need not be changed,
 * because there is a default or the setting may be left out, are commented out.
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
  // Nothing is authenticated yet, so listening to the whole network is something one has to say.
  host: {
    env: 'HOST',
    schema: z.string(),
    default: '127.0.0.1',
    description: 'The address to listen on. Containers need 0.0.0.0.',
  },
  shutdownGraceMs: {
    env: 'SHUTDOWN_GRACE',
    schema: durationMs,
    default: '10s',
    description: 'How long a process may take to finish its work after SIGTERM before it exits anyway.',
  },
});
