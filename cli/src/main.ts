// pnpm orders: the CLI of the operator on call.
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Before anything large is loaded: it halves the time of a start.
enableCompileCache(join(import.meta.dirname, '../../.orderflow/compile-cache'));
const [{ loadConfigOrExit }, { settings }, { run }] = await Promise.all([
  import('@orderflow/runtime'),
  import('./config.ts'),
  import('./run.ts'),
]);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}
// `orders dlq list | head` closes the pipe early, which is fine.
process.stdout.on('error', () => process.exit(0));

process.exitCode = await run(process.argv.slice(2), loadConfigOrExit(settings), {
  print: (text) => console.log(text),
  note: (text) => console.error(text),
  signal: stop.signal,
});
