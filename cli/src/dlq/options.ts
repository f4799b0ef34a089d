import { type ParseArgsConfig, parseArgs } from 'node:util';
import { groups, topics } from '@orderflow/contracts';
import type { ReceivedRecord } from '@orderflow/messaging';
import { UsageError } from '../cli.ts';
import { type Letters, labelOf, lettersOf } from './dead-letter.ts';

/** The options that say which dead letters, for the help texts. */
export const LETTERS_HELP = `  --topic NAME    the topic they came from (${topics.orders})
  --group NAME    the consumer group that set them aside (${groups.orderWorker})`;

/** The options that choose some of them, for the help texts. */
export const FILTER_HELP = `  --reason R      only those set aside for this reason, such as MALFORMED_JSON
  --since T       only those set aside at this time or later: 2026-11-22, 2026-11-22T18:00Z
  --until T       only those set aside before this time
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
 * `parseArgs`, strictly.
 * @throws UsageError
 */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The dead letters that the options name; those of the worker when they name none. */
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
 * Whether a dead letter is one of those asked for; `undefined` when all are.
 * @throws UsageError for a time that can't be read.
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

function readTime(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(time.getTime())) {
    throw new UsageError(`${option}: "${text}" is no time; 2026-11-22 or 2026-11-22T18:00:00Z is expected.`);
  }
  return time;
}
