import type { Kafka } from '@orderflow/messaging';
import type { Config } from './config.ts';

/** The output of a command, and its abort signal. */
export interface Terminal {
  /** Writes results to standard output. */
  print(text: string): void;
  /** Writes progress and errors to standard error. */
  note(text: string): void;
  /** Aborts when the operator interrupts the command. */
  readonly signal: AbortSignal;
}

/**
 * Returns the headers of a call: the name of the operator, and the token. Rejects with CommandError when none can be
 * fetched.
 */
export type CallHeaders = () => Promise<Record<string, string>>;

/** The context of every command. */
export interface Cli extends Terminal {
  readonly kafka: Kafka;
  readonly config: Config;
  readonly callHeaders: CallHeaders;
}

/** A command: its help, and its implementation. */
export interface Command {
  readonly help: string;
  /** @throws UsageError, CommandError, and errors of Kafka. */
  run(args: string[], cli: Cli): Promise<void>;
}

/** The command line is invalid. The message says which part and what is expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command failed. The message is one sentence for the operator. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
