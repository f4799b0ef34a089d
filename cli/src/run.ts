import { createKafka, GroupBusyError } from '@orderflow/messaging';
import { createLogger } from '@orderflow/runtime';
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

const HELP = `Usage: pnpm orders <command> [options]

  show         one order: where it is, and why
  stuck        the orders that need attention
  retry        has an order that needs attention tried again
  cancel       has an order cancelled
  check        whether orders, stock, money, events and documents add up
  dlq list     what lies in the dead letters, and why
  dlq show     one dead letter: headers, content, bytes
  dlq replay   send dead letters back to where they came from

"pnpm orders <command> --help" says more about one.
The settings of the services say where (.env.example); exit code 0: done, 1: failed, 2: wrong usage.`;

const commands = new Map<string, Command>([
  ['show', show],
  ['stuck', stuck],
  ['retry', retry],
  ['cancel', cancel],
  ['check', check],
  ['dlq list', list],
  ['dlq show', showLetter],
  ['dlq replay', replay],
]);

/** Runs one command line, without the program's name. Resolves to the exit code. */
export async function run(args: readonly string[], config: Config, terminal: Terminal): Promise<number> {
  const [topic, verb] = args;
  if (topic === undefined || topic === '--help' || topic === 'help') {
    terminal.print(HELP);
    return topic === undefined ? 2 : 0;
  }
  const name = topic === 'dlq' ? `${topic} ${verb}` : topic;
  const rest = args.slice(topic === 'dlq' ? 2 : 1);
  const command = commands.get(name);
  if (command === undefined) {
    const isHelp = topic === 'dlq' && verb === '--help';
    if (isHelp) terminal.print(HELP);
    else terminal.note(`There is no command "${name}".\nCommands: ${[...commands.keys()].join(', ')}`);
    return isHelp ? 0 : 2;
  }
  if (rest.includes('--help')) {
    terminal.print(command.help);
    return 0;
  }
  const kafka = createKafka({
    brokers: config.kafkaBrokers,
    clientId: 'orders-cli',
    topicPrefix: config.topicPrefix,
    // What goes wrong is told in the command's own words.
    logger: createLogger({ service: 'cli', level: 'silent' }),
  });
  try {
    await command.run(rest, { ...terminal, kafka, config });
    return 0;
  } catch (error) {
    terminal.note(explain(error, config, terminal));
    if (!(error instanceof UsageError)) return 1;
    terminal.note(`"pnpm orders ${name} --help" says more.`);
    return 2;
  }
}

function explain(error: unknown, config: Config, { signal }: Terminal): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UsageError || error instanceof CommandError) return error.message;
  if (error === signal.reason)
    return `${error.message}: what is done is done; the same command goes on from there.`;
  if (error instanceof GroupBusyError) {
    return 'Another replay of these dead letters is running: let it end, or stop it, then try again.';
  }
  return kafkaProblem(error, config) ?? error.message;
}
