// pnpm dev: the whole system on its usual ports, until Ctrl-C. `pnpm dev token …` prints a token.
import { join, relative } from 'node:path';
import { createStack, defaultPorts, repositoryRoot } from '@orderflow/devstack';
import { createSystem } from '../src/system.ts';
import { printBanner } from './banner.ts';
import { printToken } from './token.ts';

if (process.argv[2] === 'token') process.exit(await printToken(process.argv.slice(3)));

const dir = join(repositoryRoot, '.orderflow/dev');
const interrupted = Promise.withResolvers<void>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interrupted.resolve());

const stack = await createStack({ dir, ports: defaultPorts, onProgress: (line) => console.log(`  ${line}`) });
const system = await createSystem({ urls: stack.urls, ports: 'usual', logDir: join(dir, 'logs') });
const over = interrupted.promise.then(() => 'interrupted' as const);
try {
  console.log('Starting the stores …');
  await Promise.race([stack.up(), over]);
  console.log('Starting the services …');
  if ((await Promise.race([system.start(), over])) !== 'interrupted') {
    printBanner(system, stack);
    const gone = Object.values(system.services).map(async (service) => {
      await service.ended();
      return `${service.name} has ended by itself; its log is ${relative(process.cwd(), service.logFile)}`;
    });
    const why = await Promise.race([over, ...gone]);
    if (why !== 'interrupted') {
      console.error(`\n${why}`);
      process.exitCode = 1;
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  console.log('\nStopping …');
  await system.stop();
  await stack.down();
  console.log('Everything is stopped; data is kept (`pnpm stack reset` deletes it).');
}
