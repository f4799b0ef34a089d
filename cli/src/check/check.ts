import { setTimeout as sleep } from 'node:timers/promises';
import { openTopicOffsets, type TopicOffsets } from '@orderflow/messaging';
import { type Cli, type Command, CommandError, UsageError } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { openStores, type Stores } from '../stores.ts';
import { printableCell } from '../table.ts';
import { openFactParts } from './fact-parts.ts';
import type { UndecodableFact } from './facts.ts';
import { addFindings, type FindingSum } from './finding.ts';
import { workInFlight } from './in-flight.ts';
import { checkOrders, checkShared } from './invariants.ts';
import { type Fact, orderFacts, readOrderFacts } from './read-order-facts.ts';
import { readLedger, readLetters, readOrderCounts, readRecordFacts, readStock } from './read-shared-facts.ts';

const HELP = `Usage: pnpm orders check [options]

Waits until nothing is in flight, then compares all stores with each other: orders, their history, events,
documents, stock, payments, order counts of customers, the ledger of the payment gateway, dead letters.
Prints each invariant and every order, product or customer that violates it. Read-only; reads everything
and reports progress on standard error. Facts are kept in temporary files and compared some thousand orders
at a time; only one line per dead letter, product and customer stays in memory.

  --wait SECONDS   how long work in flight may take to finish (60); work that remains is listed as a violation
  --all            prints every violation instead of the first five of each invariant`;

const POLL_MS = 250;
const SHOWN = 5;
/** The number of orders compared at a time. */
const ORDERS_PER_PART = 2_000;
const MAX_PARTS = 1_000;
const PROGRESS_MS = 2_000;

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
    let left = await workInFlight(stores, offsets);
    while (left.length > 0 && performance.now() < until) {
      await sleep(POLL_MS, undefined, { signal: cli.signal });
      left = await workInFlight(stores, offsets);
    }

    const max = values.all ? Number.POSITIVE_INFINITY : SHOWN;
    const nothingInFlight = { rule: 'nothing is in flight any more', checked: 1, violations: left };
    const findings = [
      ...addFindings([], [nothingInFlight], max),
      ...(await checkAll(cli, stores, offsets, max)),
    ];
    for (const { rule, checked, violations, hidden } of findings) {
      const holds = violations.length === 0;
      cli.print(`${holds ? '✓' : '✗'} ${rule}${checked > 1 || !holds ? ` (${checked})` : ''}`);
      for (const violation of violations) cli.print(`    ${printableCell(violation, 400)}`);
      if (hidden > 0) cli.print(`    … and ${hidden} more`);
    }
    const broken = findings.filter(({ violations }) => violations.length > 0).length;
    if (broken > 0) throw new CommandError(`${broken} of ${findings.length} invariants are violated.`);
  },
};

async function checkAll(cli: Cli, stores: Stores, offsets: TopicOffsets, max: number): Promise<FindingSum[]> {
  const [row] = await stores.orders<{ count: number }>('select count(*)::int as count from orders');
  const count = row?.count ?? 0;
  using parts = openFactParts<Fact>(Math.min(MAX_PARTS, 1 + Math.floor(count / ORDERS_PER_PART)));
  const progress = progressOf(cli);
  let read = 0;
  function add(orderId: string | undefined, fact: Fact): void {
    cli.signal.throwIfAborted();
    parts.add(orderId, fact);
    read++;
    progress(() => `${read} rows, documents and records of ${count} orders read`);
  }

  const undecodable: UndecodableFact[] = [];
  const addUndecodable = (one: UndecodableFact) => void undecodable.push(one);
  const letters = await readLetters(cli, offsets, addUndecodable);
  const sources = await readRecordFacts(cli, offsets, letters, add, addUndecodable);
  await readLedger(cli, add);
  await readOrderFacts(stores, add);

  const byOrder = Map.groupBy(letters, ({ orderId }) => orderId);
  const bySource = Map.groupBy(letters, ({ source }) => source);
  const lettersOf = {
    of: (orderId: string) => byOrder.get(orderId) ?? [],
    at: (position: string) => bySource.get(position) ?? [],
  };
  const now = new Date();
  let checked = 0;
  let findings: FindingSum[] = [];
  for (const part of parts.parts()) {
    cli.signal.throwIfAborted();
    const facts = orderFacts(part, lettersOf, now);
    findings = addFindings(findings, checkOrders(facts), max);
    checked += facts.orders.size;
    progress(() => `${checked} of ${count} orders compared`);
  }
  const [stock, orderCounts] = await Promise.all([readStock(stores), readOrderCounts(stores)]);
  const shared = checkShared({ stock, orderCounts, letters, sources, undecodable });
  return [...findings, ...addFindings([], shared, max)];
}

/** Reports progress every other second. */
function progressOf({ note }: Cli): (text: () => string) => void {
  let next = performance.now() + PROGRESS_MS;
  return (text) => {
    if (performance.now() < next) return;
    next = performance.now() + PROGRESS_MS;
    note(text());
  };
}

function secondsOf(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new UsageError(`--wait takes a whole number of seconds, not "${text}".`);
  return Number(text);
}
