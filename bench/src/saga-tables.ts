import { type Figure, printFigures, readable } from './report.ts';
import { targetOf } from './targets.ts';
import { counted, reported } from './usage.ts';

/** The loads, by what the names of their figures begin with. */
const loads = [
  { head: '2/s', prefix: '2/s: ' },
  { head: '50/s', prefix: '' },
  { head: 'backlog', prefix: 'saturation: ' },
] as const;
/** What is reported of each process. */
const ofProcess = [
  { head: 'CPU, ms', of: 'CPU of' },
  { head: 'SQL', of: 'SQL round trips of' },
  { head: 'switches', of: 'voluntary context switches of' },
] as const;

/**
 * Prints the figures of `pnpm bench saga`: those with targets, then the loads side by side, then what each process and
 * store has used for an order.
 */
export function printSagaTables(figures: readonly Figure[]): void {
  const values = new Map(figures.map(({ name, value }) => [name, value]));
  const shown = (name: string) => {
    const value = values.get(name);
    return value === undefined ? '' : readable(value);
  };
  console.log('\n  targets');
  printFigures(
    'saga',
    figures.filter(({ name }) => targetOf('saga', name) !== undefined),
  );

  const usage = new Set([...reported.map((name) => `CPU of ${name}`), ...counted]);
  const isOfProcess = (name: string) => usage.has(name) && ofProcess.some(({ of }) => name.startsWith(of));
  const perLoad = new Map<string, string>();
  for (const { name, unit } of figures) perLoad.set(withoutLoad(name), unit);
  const lines = [...perLoad].filter(([name]) => !isOfProcess(name));
  const isOfLoads = ([name]: readonly [string, string]) =>
    values.has(`${loads[0].prefix}${name}`) || values.has(`${loads[2].prefix}${name}`);
  printTable(
    ['per load', ...loads.map(({ head }) => head), ''],
    lines
      .filter(isOfLoads)
      .map(([name, unit]) => [name, ...loads.map(({ prefix }) => shown(prefix + name)), unit]),
  );
  printTable(
    ['of all loads', '', ''],
    lines.filter((line) => !isOfLoads(line)).map(([name, unit]) => [name, shown(name), unit]),
  );
  printTable(
    ['an order', ...ofProcess.flatMap(({ head }) => loads.map((load) => `${head} ${load.head}`))],
    reported.map((process) => [
      process,
      ...ofProcess.flatMap(({ of }) => loads.map(({ prefix }) => shown(`${prefix}${of} ${process}`))),
    ]),
  );
}

function withoutLoad(name: string): string {
  const { prefix } = loads.find((load) => load.prefix !== '' && name.startsWith(load.prefix)) ?? loads[1];
  return name.slice(prefix.length);
}

/** Prints a table: the first column and units to the left, numbers to the right. */
function printTable(heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  console.log('');
  for (const row of all) {
    const cells = row.map((cell, column) => {
      const isText = column === 0 || /^[a-zµ×%]/i.test(rows[0]?.[column] ?? '');
      return isText ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
    });
    console.log(`  ${cells.join('  ').trimEnd()}`);
  }
}
