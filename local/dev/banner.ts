import { relative } from 'node:path';
import type { Part, Stack } from '@orderflow/devstack';
import type { System } from '../src/system.ts';
import { linesToPaste } from './lines.ts';

/** Prints where everything is, and lines to paste. */
export function printBanner(system: System, stack: Stack): void {
  const where = (path: string) => relative(process.cwd(), path) || '.';
  const rows = (lines: readonly (readonly [string, string])[]) =>
    lines.map(([name, text]) => `  ${name.padEnd(20)} ${text}`).join('\n');

  const running = system.processes.filter((service) => service.isRunning());
  console.log(`
orderflow is up.

Services
${rows(running.map(({ name, url }) => [name, `${url}   /health/detailed  /metrics`]))}

Stores and mails
${rows(Object.values(stack.parts).map(rowOf))}

${linesToPaste(system, stack.urls)}

Data is kept in ${where(stack.dir)}, logs are in ${where(stack.dir)}/logs. \`pnpm stack reset\` deletes both.
The stubs stand in for services of yours; ${standIn(stack)}
Ctrl-C stops everything.
`);
}

function rowOf({ name, url, page, server, external }: Part): [string, string] {
  const what = external ? 'given from outside' : server;
  return [name, [url, ...(page === undefined ? [] : [page]), what].join('   ')];
}

function standIn(stack: Stack): string {
  const { mongo } = stack.parts;
  return mongo.external || !mongo.server.includes('wire server')
    ? 'everything else is the real thing.'
    : 'a small server that speaks its protocol stands in for MongoDB (a mongod on PATH is used instead).';
}
