// pnpm test-totals FOLDER: adds up the results that the suites left there, and misses none.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { root } from './run.ts';

/** What is used here of vitest's JSON report. */
interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: pnpm test-totals FOLDER');
  process.exit(2);
}

/** Every script that runs vitest leaves one report, named as in `vitest.shared.ts`. */
const vitestRun = /^vitest run(?: --config vitest\.(\w+)\.config\.ts)?$/;
const workspace = parse(readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')) as { packages: string[] };
const suites = workspace.packages
  .flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: root }))
  .flatMap((file) => {
    const { scripts = {} } = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      scripts?: Record<string, string>;
    };
    return Object.values(scripts)
      .map((command) => vitestRun.exec(command))
      .filter((match) => match !== null)
      .map(([, name]) => [basename(dirname(file)), ...(name ? [name] : [])].join('-'));
  })
  .sort();

const totals = { passed: 0, failed: 0 };
for (const suite of suites) {
  const file = join(folder, `${suite}.json`);
  if (!existsSync(file)) {
    // A suite that could not even report has failed, whatever its tests would have said.
    console.log(`${suite}: no results`);
    totals.failed += 1;
    continue;
  }
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  const { success, numPassedTests, numFailedTests, numPendingTests } = report;
  // A file that does not load fails without a failed test in it.
  const failed = !success && numFailedTests === 0 ? 1 : numFailedTests;
  console.log(`${suite}: ${numPassedTests} passed, ${failed} failed, ${numPendingTests} skipped`);
  totals.passed += numPassedTests;
  totals.failed += failed;
}
console.log(`${totals.passed} passed, ${totals.failed} failed`);
if (totals.failed > 0 || totals.passed === 0) process.exit(1);
