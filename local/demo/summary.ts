import { inspect } from 'node:util';
import type { Audit, Finding } from '../src/audit.ts';
import type { Outcome } from './outcome.ts';
import type { Sent } from './senders.ts';

interface Summary {
  readonly orders: number;
  readonly sent: Sent;
  readonly killed: readonly string[];
  readonly seconds: number;
  readonly outcome: Outcome;
  readonly audit: Audit;
  /** What `pnpm orders check` has said. */
  readonly check: { readonly said: string };
}

const width = 62;

/** Prints what a person wants to know of a demo run. */
export function printSummary({ orders, sent, killed, seconds, outcome, audit, check }: Summary): void {
  const row = (name: string, value: string | number) =>
    console.log(`  ${name.padEnd(36)} ${String(value).padStart(width - 37)}`);
  const rule = () => console.log(`  ${'─'.repeat(width)}`);
  const time = (s: number) => `${s.toFixed(2)} s`;
  const { latency } = outcome;

  console.log('\n  One whole enriched order, as MongoDB shows it:\n');
  const text = inspect(audit.example, { depth: 6, colors: process.stdout.isTTY, breakLength: 100 });
  console.log(text.replace(/^/gm, '    '));

  console.log('');
  rule();
  row('orders', orders);
  row('  created over the API', sent.taken);
  row('  refused at once: not enough on stock', sent.refused.size);
  row('  records sent to Kafka, some twice', sent.records);
  row('cancelled in flight / asked for', `${sent.cancelsTaken} / ${sent.cancelsAsked}`);
  rule();
  for (const { state, reason, count } of outcome.ends) {
    row(reason === null ? state : `${state}, ${reason}`, count);
    if (state !== 'REJECTED') continue;
    for (const [why, times] of audit.rejectedByReason) row(`    ${why}`, times);
  }
  row('dead-lettered as unreadable', sum(audit.deadLettersByReason));
  for (const [reason, count] of audit.deadLettersByReason) row(`    ${reason}`, count);
  rule();
  row('first transition to last, p50 / p95', `${time(latency.p50)} / ${time(latency.p95)}`);
  row('  p99 / longest', `${time(latency.p99)} / ${time(latency.max)}`);
  row('orders/s, including kills and restarts', Math.round(orders / seconds));
  row('services killed meanwhile', killed.length);
  row('events published / distinct', `${audit.eventRecords} / ${audit.distinctEvents}`);
  rule();
  console.log('  What was sent is what is stored:');
  audit.findings.forEach(printFinding);
  console.log('  All stores compared with each other (pnpm orders check):');
  console.log(check.said.replace(/^/gm, '  '));
  console.log('');
}

function printFinding({ rule, violations }: Finding): void {
  console.log(`  ${violations.length === 0 ? '✓' : '✗'} ${rule}`);
  for (const violation of violations.slice(0, 5)) console.log(`      ${violation}`);
  if (violations.length > 5) console.log(`      … and ${violations.length - 5} more`);
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
