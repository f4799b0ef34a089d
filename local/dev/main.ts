// pnpm dev: the whole system on its usual ports, until Ctrl-C. `pnpm dev --auth`: with an identity stub, whose tokens
// callers need. `pnpm dev token …` prints such a token. With CUSTOMER_API_URL and PRODUCT_API_URL in the shell it uses those
// APIs, and starts no enrichment stub.
import { join, relative } from 'node:path';
import { createStack, defaultPorts, partNames, repositoryRoot } from '@orderflow/devstack';
import { createSystem, serviceNames } from '../src/system.ts';
import { printBanner } from './banner.ts';
import { printToken, tokenUsage } from './token.ts';

const [mode, ...more] = process.argv.slice(2);
if (mode === 'token') process.exit(await printToken(more));
if ((mode !== undefined && mode !== '--auth') || more.length > 0) {
  console.error(`unknown arguments: ${process.argv.slice(2).join(' ')}

pnpm dev                       runs the whole system; its ports are open to this machine
pnpm dev --auth                callers need a token of the identity stub
${tokenUsage}`);
  process.exit(64);
}

const dir = join(repositoryRoot, '.orderflow/dev');
const interrupted = Promise.withResolvers<void>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interrupted.resolve());

const { CUSTOMER_API_URL, PRODUCT_API_URL } = process.env;
if (Boolean(CUSTOMER_API_URL) !== Boolean(PRODUCT_API_URL)) {
  console.error('CUSTOMER_API_URL and PRODUCT_API_URL belong together: set both, or neither for the stub.');
  process.exit(64);
}
const own = CUSTOMER_API_URL && PRODUCT_API_URL ? { CUSTOMER_API_URL, PRODUCT_API_URL } : undefined;
const started = serviceNames.filter((name) => own === undefined || name !== 'enrichment-stub');

const stack = await createStack({
  dir,
  ports: defaultPorts,
  parts: partNames,
  onProgress: (line) => console.log(`  ${line}`),
});
const system = await createSystem({
  urls: stack.urls,
  ports: 'usual',
  logDir: join(dir, 'logs'),
  auth: mode === '--auth',
  // The page of examples/web, which runs on this machine too.
  env: { CORS_ORIGINS: process.env['CORS_ORIGINS'] || 'http://localhost:5173', ...own },
});
const over = interrupted.promise.then(() => 'interrupted' as const);
try {
  console.log('Starting the stores and maildev …');
  await Promise.race([stack.up(), over]);
  console.log('Starting the services …');
  if ((await Promise.race([system.start(started), over])) !== 'interrupted') {
    printBanner(system, stack);
    const running = system.processes.filter((service) => service.isRunning());
    const gone = running.map(async (service) => {
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
