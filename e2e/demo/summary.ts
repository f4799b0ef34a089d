import { inspect } from 'node:util';
import type { Audit } from '../src/audit.ts';

interface Summary {
  readonly orders: number;
  readonly records: number;
  readonly decidedAtKill: number;
  readonly seconds: number;
  readonly counted: {
    readonly hits: number;
    readonly misses: number;
    readonly upstream: number;
    readonly repeated: number;
  };
  readonly audit: Audit;
}

const width = 62;

/** Prints what a person wants to know of a demo run. */
export function printSummary({ orders, records, decidedAtKill, seconds, counted, audit }: Summary): void {
  const row = (name: string, value: string | number) =>
    console.log(`  ${name.padEnd(36)} ${String(value).padStart(12)}`);
  const rule = () => console.log(`  ${'─'.repeat(width)}`);
  const rejected = orders - audit.accepted - sum(audit.deadLettersByReason);

  console.log('\n  One whole enriched order, as MongoDB shows it:\n');
  const text = inspect(audit.example, { depth: 6, colors: process.stdout.isTTY, breakLength: 100 });
  console.log(text.replace(/^/gm, '    '));

  console.log('');
  rule();
  row('orders sent', orders);
  row('records sent (some orders twice)', records);
  rule();
  row('accepted', audit.accepted);
  row('rejected', rejected);
  for (const [reason, count] of audit.rejectedByReason) row(`    ${reason}`, count);
  row('set aside as unreadable', sum(audit.deadLettersByReason));
  for (const [reason, count] of audit.deadLettersByReason) row(`    ${reason}`, count);
  rule();
  row('duplicates absorbed', records - orders);
  row('  … and records read again after the kill', Math.max(0, counted.repeated - (records - orders)));
  row('decided when the worker was killed', decidedAtKill);
  row('events told / different', `${audit.eventRecords} / ${audit.distinctEvents}`);
  row('cache hits', `${counted.hits} of ${counted.hits + counted.misses}`);
  row('calls to the enrichment API', counted.upstream);
  row('orders/s, kill and restart included', Math.round(orders / seconds));
  rule();
  for (const { rule: name, violations } of audit.findings) {
    console.log(`  ${violations.length === 0 ? '✓' : '✗'} ${name}`);
    for (const violation of violations.slice(0, 5)) console.log(`      ${violation}`);
    if (violations.length > 5) console.log(`      … and ${violations.length - 5} more`);
  }
  console.log('');
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
