import { basename, join } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/**
 * The vitest configuration of one package's suite.
 * `stack`: whether its tests need the real stores; they are started once for a whole `pnpm -r test`.
 * `name`: of the results and of the folder with the tests, where a package has a second suite.
 */
export function suite(options: { stack: boolean; testTimeout?: number; name?: string }): ViteUserConfig {
  const { name } = options;
  const results = process.env['TEST_RESULTS_DIR'];
  const report = [basename(process.cwd()), ...(name ? [name] : [])].join('-');
  return defineConfig({
    test: {
      include: [`${name ?? 'test'}/**/*.test.ts`],
      testTimeout: options.testTimeout ?? 30_000,
      hookTimeout: 120_000,
      // The stores, the processes under test and another suite share the machine with it.
      maxWorkers: 1,
      globalSetup: options.stack ? ['@orderflow/testing/global-setup'] : [],
      // CI sums up the totals of all suites from these files.
      reporters: results ? ['default', 'json'] : ['default'],
      ...(results ? { outputFile: { json: join(results, `${report}.json`) } } : {}),
    },
  });
}
