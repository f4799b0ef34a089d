import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** How many modules of MongoDB's driver a process has after it has imported this one. */
async function driverModules(module: string): Promise<number> {
  const code = `
    import { registerHooks } from 'node:module';
    let count = 0;
    registerHooks({
      load(url, context, next) {
        if (url.includes('/node_modules/mongodb/')) count += 1;
        return next(url, context);
      },
    });
    await import(${JSON.stringify(import.meta.resolve(module))});
    console.log(count);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  return Number(stdout);
}

test("MongoDB's driver is loaded with the roles that use it only", async () => {
  expect(await driverModules('../src/app.ts')).toBe(0);
  expect(await driverModules('../src/roles/worker.ts')).toBeGreaterThan(0);
  expect(await driverModules('../src/roles/view.ts')).toBeGreaterThan(0);
});
