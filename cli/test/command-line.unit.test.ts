import type { ReceivedRecord } from '@orderflow/messaging';
import { loadConfig } from '@orderflow/runtime';
import { expect, test } from 'vitest';
import { settings } from '../src/config.ts';
import { readFilter } from '../src/dlq/options.ts';
import { run } from '../src/run.ts';

/** Runs a command line that must end before it connects to anything. */
async function orders(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await run(args, loadConfig(settings, {}), {
    print(text) {
      said.out += `${text}\n`;
    },
    note(text) {
      said.err += `${text}\n`;
    },
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

test.each([[['--help']], [['-h']], [['help']], [['dlq', '--help']], [['dlq', '-h']], [['dlq', 'help']]])(
  '%j lists the commands',
  async (args) => {
    const { code, out, err } = await orders(...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Usage: pnpm orders <command>/);
  },
);

test.each([[[]], [['dlq']]])('%j lists the commands, and is wrong usage', async (args) => {
  const { code, out } = await orders(...args);
  expect(code).toBe(2);
  expect(out).toMatch(/^Usage: pnpm orders <command>/);
});

test('-h after a command says more about it', async () => {
  const { code, out } = await orders('dlq', 'list', '-h');
  expect(code).toBe(0);
  expect(out).toMatch(/^Usage: pnpm orders dlq list/);
});

test.each<[string[], string]>([
  [['shwo', 'o-1'], 'Unknown command "shwo". Did you mean "show"?'],
  [['dlq', 'lsit'], 'Unknown command "dlq lsit". Did you mean "dlq list"?'],
  [['dlq', '--reason', 'EMPTY'], 'Unknown command "dlq --reason".\n'],
  [['frobnicate'], 'Unknown command "frobnicate".\n'],
  [['dlq', 'list', '--reasn', 'EMPTY'], 'Unknown option --reasn. Did you mean "--reason"?'],
  [['check', '--al'], 'Unknown option --al. Did you mean "--all"?'],
  [['check', '--frobnicate'], 'Unknown option --frobnicate.\n'],
])('%j is a typo', async (args, expected) => {
  const { code, err } = await orders(...args);
  expect(code).toBe(2);
  expect(err).toContain(expected);
});

test.each<[string[], string]>([
  [['--custmer', 'c-1'], 'Unknown option --custmer. Did you mean "--customer"?'],
  [['--customer', 'c-1'], 'An order has at least one line'],
  [['--sku', 'A', '--to', 'kafak'], '--to kafak: rpc or kafka is expected.'],
  [['--sku', 'A', '--to', 'kafka', '--format', 'xml'], '--format xml: json or protobuf is expected.'],
  [['--sku', 'A', '--format', 'json'], 'give --to kafka, too'],
  [['--sku', 'A', '--to', 'kafka', '--dry-run'], '--dry-run asks CreateOrder'],
  [['--sku', 'A', '--dry-run', '--wait'], '--dry-run stores no order'],
  [['--sku', 'A', '--file', 'order.json'], '--file has the whole order'],
])('send %j is wrong usage', async (args, expected) => {
  const { code, out, err } = await orders('send', ...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(expected);
});

test.each([
  ['2026-02-30', 'the day 2026-02-30 does not exist'],
  ['2026-02-30T10:00Z', 'the day 2026-02-30 does not exist'],
  ['2026-13-01', '"2026-13-01" is not a time'],
  ['2026-11-22T25:00', 'is not a time'],
  ['yesterday', 'is not a time'],
  ['2026-11-22T18:00+99:00', 'is not a time'],
])('--since %s is refused', async (time, expected) => {
  const { code, err } = await orders('dlq', 'list', '--since', time);
  expect(code).toBe(2);
  expect(err).toContain(expected);
});

test('a time without a zone is UTC, wherever the person sits', () => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'America/New_York';
  try {
    expect(new Date('2026-11-21T10:00').toISOString()).toBe('2026-11-21T15:00:00.000Z');
    const isWanted = readFilter({ since: '2026-11-21T10:00', until: '2026-11-21 10:01' });
    const letterAt = (time: string) => ({ headers: { dlq_time: time } }) as unknown as ReceivedRecord;
    expect(isWanted?.(letterAt('2026-11-21T10:00:00Z'))).toBe(true);
    expect(isWanted?.(letterAt('2026-11-21T09:59:59Z'))).toBe(false);
    expect(isWanted?.(letterAt('2026-11-21T10:01:00Z'))).toBe(false);
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});
