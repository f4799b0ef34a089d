import type { Kafka } from '@orderflow/messaging';
import type { Config } from './config.ts';

/** Where a command's words go, and what ends it early. */
export interface Terminal {
  /** What was asked for: standard output. */
  print(text: string): void;
  /** Progress and errors: standard error. */
  note(text: string): void;
  /** Aborts when the person wants it to end. */
  readonly signal: AbortSignal;
}

/** What every command gets. */
export interface Cli extends Terminal {
  readonly kafka: Kafka;
  readonly config: Config;
}

/** One of the commands: its help, and what it does. */
export interface Command {
  readonly help: string;
  /** @throws UsageError, CommandError, and what Kafka throws. */
  run(args: string[], cli: Cli): Promise<void>;
}

/** The command line can't be understood. The message says which part and what is expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for can't be done. The message is one sentence for the person at the terminal. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
