import { type ParseArgsConfig, parseArgs } from 'node:util';
import { groups, topics } from '@orderflow/contracts';
import type { ReceivedRecord } from '@orderflow/messaging';
import { CommandError, UsageError } from '../cli.ts';
import { didYouMean } from '../suggestion.ts';
import { printableCell } from '../table.ts';
import { type Letters, labelOf, lettersOf } from './dead-letter.ts';

/** The options that select a dead-letter topic, for the help texts. */
export const LETTERS_HELP = `  --topic NAME    the topic they came from (${topics.orders})
  --group NAME    the consumer group that dead-lettered them (${groups.orderWorker})`;

/** The options that filter dead letters, for the help texts. */
export const FILTER_HELP = `  --reason R      only those with this reason, such as MALFORMED_JSON
  --since T       only those dead-lettered at this time or later: 2026-11-22, 2026-11-22T18:00,
                  in UTC unless it ends with a zone such as +02:00
  --until T       only those dead-lettered before this time
  --key K         only those with this Kafka key`;

export const lettersOptions = {
  topic: { type: 'string' },
  group: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

export const filterOptions = {
  reason: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  key: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

interface FilterValues {
  readonly reason?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * Strict `parseArgs`.
 * @throws UsageError
 */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const unknown = /^Unknown option '(--[^']+)'/.exec(message)?.[1];
    if (unknown === undefined) throw new UsageError(message);
    const known = Object.keys(config.options ?? {}).map((name) => `--${name}`);
    throw new UsageError(`Unknown option ${printableCell(unknown, 40)}.${didYouMean(unknown, known)}`);
  }
}

/** The dead letters that the options select; by default those of the worker. */
export function readLetters({
  topic = topics.orders,
  group = groups.orderWorker,
}: {
  readonly topic?: string | undefined;
  readonly group?: string | undefined;
}): Letters {
  return lettersOf(topic, group);
}

/**
 * Returns the filter of the options; `undefined` without filters.
 * @throws UsageError for an invalid time.
 */
export function readFilter(values: FilterValues): ((letter: ReceivedRecord) => boolean) | undefined {
  const { reason, key } = values;
  const since = readTime('--since', values.since);
  const until = readTime('--until', values.until);
  if ([reason, key, since, until].every((value) => value === undefined)) return undefined;
  return (letter) => {
    const label = labelOf(letter);
    return (
      (reason === undefined || label.reason === reason) &&
      (key === undefined || letter.key?.toString('utf8') === key) &&
      (since === undefined || label.time >= since) &&
      (until === undefined || label.time < until)
    );
  };
}

/**
 * Checks, when nothing matched, that the reason exists: otherwise it is probably a typo.
 * @throws CommandError that lists the existing reasons.
 */
export function expectReason(wanted: string | undefined, found: ReadonlySet<string>, topic: string): void {
  if (wanted === undefined || found.size === 0 || found.has(wanted)) return;
  const reasons = [...found].sort();
  const listed = reasons.map((reason) => printableCell(reason, 32)).join(', ');
  throw new CommandError(
    `No dead letter in ${topic} has the reason ${printableCell(wanted, 40)}.${didYouMean(wanted, reasons)} Existing reasons: ${listed}.`,
  );
}

const timeFormat = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

function readTime(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const [, date, timeOfDay = '00:00', zone = 'Z'] = timeFormat.exec(text) ?? [];
  const time = new Date(`${date}T${timeOfDay}${zone}`);
  if (date === undefined || Number.isNaN(time.getTime())) {
    throw new UsageError(
      `${option}: "${printableCell(text, 40)}" is not a time; 2026-11-22 or 2026-11-22T18:00:00Z is expected.`,
    );
  }
  // JavaScript reads February 30 as March 2.
  if (new Date(`${date}T00:00Z`).toISOString().slice(0, date.length) !== date) {
    throw new UsageError(`${option}: the day ${date} does not exist.`);
  }
  return time;
}
