import type { Results } from '../results.ts';
import { digits, markdownTable } from './format.ts';

const kinds = ['lost', 'doubled', 'wrong', 'untraced'] as const;
const recovered = 'recovered after';
const rate = 'per CPU second of all processes';

/** What each consumer of the same records left in its stores, by trouble. */
export function surviveTable(results: Results): string {
  const value = (name: string) => results.value('survive', name);
  const shown = (name: string) => digits(value(name) ?? Number.NaN);
  const suffix = `: ${recovered}`;
  const runs = results.of('survive').flatMap(({ name }) => {
    if (!name.endsWith(suffix)) return [];
    const run = name.slice(0, -suffix.length);
    const end = run.lastIndexOf(': ');
    return [{ run, trouble: run.slice(0, end), contender: run.slice(end + 2) }];
  });
  const cells = runs.map(({ run, trouble, contender }) => [
    trouble,
    contender,
    ...kinds.map((kind) => shown(`${run}: ${kind}`)),
    value(`${run}: ${recovered}`)?.toFixed(1) ?? 'never',
    shown(`${run}: ${rate}`),
  ]);
  const elsewhere = value('CPU of everything else meanwhile');
  const busy =
    elsewhere === undefined
      ? 'What other programs of the machine used meanwhile was not measured.'
      : `Other programs of the machine used ${digits(elsewhere)} % of a core meanwhile.`;
  const heads = ['trouble', 'consumer', ...kinds, 'seconds until lag 0', 'records per CPU second'];
  return `Each consumer got the same ${shown('records per consumer')} records. ${busy}\n\n${markdownTable(heads, cells)}`;
}
