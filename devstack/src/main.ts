import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { defaultPorts, type PartName } from './part.ts';
import { repositoryRoot } from './repository.ts';
import { createStack, partNames, type Stack } from './stack.ts';

const USAGE = `Usage: pnpm stack <command>
  up           start Kafka, MongoDB, Redis, Postgres and maildev in the background
  down         stop them; data is kept
  status       show what runs where
  reset        stop them and delete their data
  logs NAME    follow the log of ${partNames.join(', ')}`;

const commands = ['up', 'down', 'status', 'reset', 'logs'];

const devStackDir = path.join(repositoryRoot, '.orderflow/dev');

async function main(): Promise<number> {
  const { positionals } = parseArgs({ allowPositionals: true, strict: false });
  const [command, name] = positionals;
  if (!command || !commands.includes(command)) {
    console.error(USAGE);
    return 2;
  }
  const stack = await createStack({
    dir: devStackDir,
    ports: defaultPorts,
    parts: partNames,
    onProgress: console.log,
  });
  switch (command) {
    case 'up':
      await stack.up();
      await printStatus(stack);
      return 0;
    case 'down':
      await stack.down();
      console.log('The stack is down; its data is kept.');
      return 0;
    case 'status':
      await printStatus(stack);
      return 0;
    case 'reset':
      await stack.reset();
      console.log('The stack is down and its data is deleted.');
      return 0;
    default:
      return followLog(stack, name);
  }
}

async function printStatus(stack: Stack): Promise<void> {
  const rows = await stack.status();
  const header = ['part', 'state', 'pid', 'port', 'url', 'page', 'data', 'log'];
  const lines = rows.map((row) => [
    row.name,
    row.external ? `${row.state} (external)` : row.state,
    row.pid ?? '-',
    row.port,
    row.url,
    row.page ?? '-',
    row.external ? '-' : path.relative(process.cwd(), row.dataDir),
    row.external ? '-' : path.relative(process.cwd(), row.logFile),
  ]);
  const table = [header, ...lines].map((line) => line.map(String));
  const widths = header.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  for (const line of table) {
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

function followLog(stack: Stack, name: string | undefined): number {
  if (!partNames.includes(name as PartName)) {
    console.error(`Which log? One of: ${partNames.join(', ')}`);
    return 2;
  }
  const { logFile } = stack.parts[name as PartName];
  if (!existsSync(logFile)) {
    console.error(`${name} has no log here: this stack did not start it.`);
    return 1;
  }
  return spawnSync('tail', ['-n', '100', '-f', logFile], { stdio: 'inherit' }).status ?? 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
