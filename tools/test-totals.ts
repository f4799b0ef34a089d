// pnpm test-totals FOLDER: sums up the results that the suites have left there, requires all of them, and says what
// failed.
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { root } from './run.ts';
import { workspacePackages } from './workspace.ts';

/** The parts of vitest's JSON report that are used here. */
interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly startTime: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly endTime: number;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Much of what a failure says is a diff or a stack; its beginning tells which it is. */
const LINES_OF_A_FAILURE = 15;

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: pnpm test-totals FOLDER');
  process.exit(2);
}

/** Runs on demand only (`pnpm test:long`); not required for a change. */
const onDemand = 'long';

/** Every script that runs vitest leaves one report, named as in `vitest.shared.ts`. */
const vitestRun = /^vitest run(?: --config vitest\.(\w+)\.config\.ts)?$/;
const suites = workspacePackages()
  .flatMap(({ folder, manifest: { scripts = {} } }) =>
    Object.values(scripts)
      .map((command) => vitestRun.exec(command))
      .filter((match) => match !== null)
      .filter(([, name]) => name !== onDemand)
      .map(([, name]) => [basename(folder), ...(name ? [name] : [])].join('-')),
  )
  .sort();

/** What failed in a suite, with the beginning of why; the whole is far above among what all suites print at once. */
function failuresIn({ testResults }: Report): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const tests = assertionResults
      .filter((test) => test.status === 'failed')
      .map(({ fullName, failureMessages }) => told(`${file} > ${fullName}`, failureMessages.join('\n')));
    // A file that does not load has no tests.
    return status === 'failed' && tests.length === 0 ? [told(file, message)] : tests;
  });
}

function told(what: string, why: string): string {
  const lines = stripVTControlCharacters(why).split('\n').slice(0, LINES_OF_A_FAILURE);
  return [`✗ ${what}`, ...lines.map((line) => `    ${line}`)].join('\n');
}

const failures: string[] = [];
const totals = { passed: 0, failed: 0 };
for (const suite of suites) {
  const file = join(folder, `${suite}.json`);
  if (!existsSync(file)) {
    // A suite without a report has failed.
    console.log(`${suite}: no results`);
    totals.failed += 1;
    continue;
  }
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  const { success, numPassedTests, numFailedTests, numPendingTests, startTime, testResults } = report;
  // A file that does not load fails without a failed test in it.
  const failed = !success && numFailedTests === 0 ? 1 : numFailedTests;
  const seconds = Math.round(
    (Math.max(startTime, ...testResults.map(({ endTime }) => endTime)) - startTime) / 1000,
  );
  console.log(
    `${suite}: ${numPassedTests} passed, ${failed} failed, ${numPendingTests} skipped, ${seconds} s`,
  );
  failures.push(...failuresIn(report));
  totals.passed += numPassedTests;
  totals.failed += failed;
}
for (const failure of failures) console.log(failure);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
if (totals.failed > 0 || totals.passed === 0) process.exit(1);
