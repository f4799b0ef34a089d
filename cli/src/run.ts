import { createKafka, GroupBusyError } from '@orderflow/messaging';
import { createLogger, kafkaSecurity } from '@orderflow/runtime';
import { createCallHeaders } from './call-headers.ts';
import { check } from './check/check.ts';
import { type Command, CommandError, type Terminal, UsageError } from './cli.ts';
import type { Config } from './config.ts';
import { list } from './dlq/list.ts';
import { replay } from './dlq/replay.ts';
import { show as showLetter } from './dlq/show.ts';
import { kafkaProblem } from './kafka-problem.ts';
import { cancel } from './orders/cancel.ts';
import { retry } from './orders/retry.ts';
import { show } from './orders/show.ts';
import { stuck } from './orders/stuck.ts';
import { watch } from './orders/watch.ts';
import { skip } from './records/skip.ts';
import { send } from './send/send.ts';
import { didYouMean } from './suggestion.ts';
import { printableCell } from './table.ts';

const HELP = `Usage: pnpm orders <command> [options]

    send         sends an order, over RPC or Kafka
    show         one order: its state, and why
    watch        one order until it has ended, or all, as they change
    stuck        the orders that need attention
    retry        retries an order that needs attention
    cancel       cancels an order
    check        whether orders, stock, money, events and documents are consistent
    dlq list     the dead letters, and why
    dlq show     one dead letter: headers, content, bytes
    dlq replay   sends dead letters back to their source topic
    records skip makes a consumer group skip a record that it cannot handle

  "pnpm orders <command> --help" has details.
  The settings are those of the services (.env.example). Where APIs want tokens, calls have
  those of AUTH_CLIENT_ID, or ORDERS_TOKEN. Exit code 0: done, 1: failed, 2: wrong usage.`;

const commands = new Map<string, Command>([
  ['send', send],
  ['show', show],
  ['watch', watch],
  ['stuck', stuck],
  ['retry', retry],
  ['cancel', cancel],
  ['check', check],
  ['dlq list', list],
  ['dlq show', showLetter],
  ['dlq replay', replay],
  ['records skip', skip],
]);

/** The first words of two-word commands. */
const families = new Set(
  [...commands.keys()].flatMap((name) => (/ /.test(name) ? (name.split(' ')[0] ?? []) : [])),
);

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}

/** Runs one command line, without the program's name. Resolves to the exit code. */
export async function run(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const [first, second] = args;
  if (first === undefined || first === 'help' || isHelp(first)) {
    terminal.print(HELP);
    return first === undefined ? 2 : 0;
  }
  const isOfTwo = families.has(first);
  if (isOfTwo && (second === undefined || second === 'help' || isHelp(second))) {
    terminal.print(HELP);
    return second === undefined ? 2 : 0;
  }
  const name = isOfTwo ? `${first} ${second}` : first;
  const rest = args.slice(isOfTwo ? 2 : 1);
  const command = commands.get(name);
  if (command === undefined) {
    const names = [...commands.keys()];
    terminal.note(`Unknown command "${printableCell(name, 80)}".${didYouMean(name, names)}`);
    terminal.note(`Commands: ${names.join(', ')}`);
    return 2;
  }
  if (rest.some(isHelp)) {
    terminal.print(command.help);
    return 0;
  }
  const kafka = createKafka({
    brokers: config.kafkaBrokers,
    security: kafkaSecurity(config),
    clientId: 'orders-cli',
    topicPrefix: config.topicPrefix,
    // The commands explain errors themselves.
    logger: createLogger({ service: 'cli', level: 'silent' }),
  });
  try {
    await command.run(rest, { ...terminal, kafka, config, callHeaders: createCallHeaders(config) });
    return 0;
  } catch (error) {
    terminal.note(explain(error, config, terminal));
    if (!(error instanceof UsageError)) return 1;
    terminal.note(`"pnpm orders ${name} --help" has details.`);
    return 2;
  }
}

function explain(error: unknown, config: Config, { signal }: Terminal): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UsageError || error instanceof CommandError) return error.message;
  if (error === signal.reason)
    return `${error.message}: what is done stays done; run the same command again to continue.`;
  if (error instanceof GroupBusyError) {
    return 'Another replay of these dead letters is running: wait for it, or stop it, then try again.';
  }
  return kafkaProblem(error, config) ?? error.message;
}
