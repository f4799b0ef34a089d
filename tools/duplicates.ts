// Checks that no two services hold the same code: more than 12 lines that jscpd finds in both, whatever differs in
// spaces and comments. Imports do not count.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { root, run } from './run.ts';

const mostLines = 12;

/** Files that may hold the same code, each group with its reason. */
const argued: readonly { readonly files: readonly string[]; readonly reason: string }[] = [
  {
    files: ['enrichment-stub', 'inventory', 'notification', 'payment', 'payment-gateway-stub'].map(
      (service) => `services/${service}/src/domain/refusal.ts`,
    ),
    reason: 'a domain imports nothing, so each has its own class of a dozen lines',
  },
];

/** The used part of jscpd's report. */
interface Report {
  readonly duplicates: readonly {
    readonly lines: number;
    readonly firstFile: Fragment;
    readonly secondFile: Fragment;
  }[];
}
interface Fragment {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

const fileOf = ({ name }: Fragment) => relative(root, name);
const serviceOf = (fragment: Fragment) => fileOf(fragment).split('/')[1];
const shown = (fragment: Fragment) => `${fileOf(fragment)}:${fragment.start}-${fragment.end}`;
const argumentFor = (fragments: readonly Fragment[]) =>
  argued.find(({ files }) => fragments.every((fragment) => files.includes(fileOf(fragment))));

const folder = mkdtempSync(join(tmpdir(), 'orderflow-duplicates-'));
try {
  const code = ['--pattern', '*/src/**/*.ts', '--ignore-pattern', 'import [^;]*;', '--mode', 'weak'];
  const size = ['--min-lines', String(mostLines + 1), '--min-tokens', '50'];
  const output = ['--reporters', 'json', '--output', folder, '--absolute', '--no-tips'];
  await run('jscpd', ['services', ...code, ...size, ...output]);
  const { duplicates } = JSON.parse(readFileSync(join(folder, 'jscpd-report.json'), 'utf8')) as Report;
  const copies = duplicates
    .map(({ lines, firstFile, secondFile }) => ({ lines, fragments: [firstFile, secondFile] }))
    .filter(({ fragments }) => new Set(fragments.map(serviceOf)).size > 1)
    .map((copy) => ({ ...copy, argument: argumentFor(copy.fragments) }));
  const problems = [
    ...copies
      .filter(({ argument }) => argument === undefined)
      .map(({ lines, fragments }) => `${lines} lines: ${fragments.map(shown).join(' and ')}`),
    ...argued
      .filter((entry) => copies.every(({ argument }) => argument !== entry))
      .map(({ files }) => `tools/duplicates.ts: no copy is left in ${files.join(', ')}; delete the entry`),
  ];
  if (problems.length > 0) {
    console.error(problems.join('\n'));
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
