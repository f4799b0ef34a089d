import { setTimeout as sleep } from 'node:timers/promises';
import { openTopicOffsets } from '@orderflow/messaging';
import { type Command, CommandError, UsageError } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { openStores } from '../stores.ts';
import { printableCell } from '../table.ts';
import { checkInvariants } from './invariants.ts';
import { readFacts } from './read-facts.ts';
import { underWay } from './rest.ts';

const HELP = `Usage: pnpm orders check [options]

Waits until nothing is under way, then holds all stores against each other: orders, their history, events,
documents, stock, payments, the ledger of the payment gateway, dead letters. Prints what must hold and each
order or product for which it does not. Changes nothing; reads everything, so mind the size of the system.

  --wait SECONDS   how long work under way may take to end (60); what is left then is named, and that fails
  --all            every violation, instead of the first five of each kind`;

const POLL_MS = 250;
const SHOWN = 5;

/** `orders check` */
export const check: Command = {
  help: HELP,
  async run(args, cli) {
    const { values } = parseOptions({
      args,
      options: { wait: { type: 'string', default: '60' }, all: { type: 'boolean', default: false } },
    });
    const waitMs = secondsOf(values.wait) * 1000;
    await using stores = openStores(cli.config);
    await using offsets = await openTopicOffsets(cli.kafka);

    const until = performance.now() + waitMs;
    let left = await underWay(stores, offsets);
    while (left.length > 0 && performance.now() < until) {
      await sleep(POLL_MS, undefined, { signal: cli.signal });
      left = await underWay(stores, offsets);
    }

    const findings = checkInvariants(await readFacts(cli, stores, offsets));
    findings.unshift({ rule: 'nothing is under way any more', checked: 1, violations: left });
    for (const { rule, checked, violations } of findings) {
      const holds = violations.length === 0;
      cli.print(`${holds ? '✓' : '✗'} ${rule}${checked > 1 || !holds ? ` (${checked})` : ''}`);
      const shown = values.all ? violations : violations.slice(0, SHOWN);
      for (const violation of shown) cli.print(`    ${printableCell(violation, 400)}`);
      const hidden = violations.length - shown.length;
      if (hidden > 0) cli.print(`    … and ${hidden} more`);
    }
    const broken = findings.filter(({ violations }) => violations.length > 0).length;
    if (broken > 0) throw new CommandError(`${broken} of ${findings.length} do not hold.`);
  },
};

function secondsOf(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new UsageError(`--wait takes a whole number of seconds, not "${text}".`);
  return Number(text);
}
