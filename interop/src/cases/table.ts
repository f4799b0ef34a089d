import { join } from 'node:path';
import { root } from '../builds.ts';
import { type Case, type Column, columns } from './case-schema.ts';

/** How a case has ended in a column: passed, failed, or a footnote that says why it cannot run there. */
export type CellResult = { readonly outcome: 'passed' | 'failed' } | { readonly impossible: string };

/** Returns the result of a cell; undefined when it did not run. */
export type Results = (each: Case, column: Column) => CellResult | undefined;

/**
 * Writes the table of cases and columns as Markdown, topic by topic, with footnotes below it. A cell that did not run is
 * empty.
 */
export function tableOf(cases: readonly Case[], results: Results): string {
  const footnotes: string[] = [];
  const mark = (result: CellResult | undefined): string => {
    if (result === undefined) return '';
    if ('outcome' in result) return result.outcome === 'passed' ? '✓' : '✗';
    if (!footnotes.includes(result.impossible)) footnotes.push(result.impossible);
    return `[${footnotes.indexOf(result.impossible) + 1}]`;
  };
  const topics = Map.groupBy(cases, ({ topic }) => topic);
  const tables = [...topics].flatMap(([topic, ofTopic]) => [
    `| ${[topic, ...columns].join(' | ')} |`,
    `| --- |${' :-: |'.repeat(columns.length)}`,
    ...ofTopic.map((each) => {
      const cells = columns.map((column) => mark(results(each, column)));
      return `| ${[each.name.replaceAll('|', '\\|'), ...cells].join(' | ')} |`;
    }),
    '',
  ]);
  return [...tables, ...footnotes.map((text, at) => `- [${at + 1}] ${text}`)].join('\n');
}

/** The document that has the table. */
export const polyglot = join(root, 'docs/polyglot.md');

const BEGIN = '<!-- begin of cases: written by pnpm interop -u -->';
const END = '<!-- end of cases -->';

/** Returns the text of the document with this table. */
export function withTable(text: string, table: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${polyglot} has no ${BEGIN} … ${END}`);
  return `${text.slice(0, begin)}${BEGIN}\n\n${table}\n\n${text.slice(end)}`;
}
