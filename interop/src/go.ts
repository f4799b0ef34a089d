// Builds the Go side: code generated from an export of the contracts, the server on it, and the Go tools.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildOnce } from '@orderflow/e2e/build-once';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const interop = join(root, 'interop');
const goModule = join(interop, 'go');
/** The folder of builds; not committed. */
export const output = join(interop, '.orderflow');
const builds = join(output, 'builds');
const missingGo = 'Go is not installed (no `go` on PATH): install Go 1.26 or newer, see https://go.dev/dl/.';

/** Absolute paths of the results of `buildGo`. */
export type GoBuild = {
  /** The customer and product API in Go. Environment: PORT; prints `listening on HOST:PORT` when it serves. */
  enrichmentServer: string;
  grpcurl: string;
  /** Every contract as a FileDescriptorSet, for `grpcurl -protoset`. */
  protoset: string;
};

/**
 * Why tests that need Go are skipped, or undefined when they run. In CI they always run: without Go they fail there, so
 * that a skipped suite is not taken for a passed one.
 */
export function reasonToSkipGo(): string | undefined {
  return process.env['CI'] || hasGo() ? undefined : missingGo;
}

/**
 * Builds everything once: later calls use the result of the first, unless the contracts or the Go sources have changed.
 * The very first call downloads Go modules and takes a minute or two.
 * May run in several processes at once. Throws with one sentence when Go is missing, and with the
 * output of the failed command otherwise.
 */
export async function buildGo(): Promise<GoBuild> {
  const name = hashOfSources();
  const target = join(builds, name);
  if (!existsSync(target)) await build(name);
  return {
    enrichmentServer: join(target, 'bin/enrichment-server'),
    grpcurl: join(target, 'bin/grpcurl'),
    protoset: join(target, 'export/descriptors.binpb'),
  };
}

/** Throws with one sentence when Go is missing. */
export function needGo(): void {
  if (!hasGo()) throw new Error(missingGo);
}

function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0;
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  // tools/proto.ts contains the version of the imported protos.
  const sources = ['interop/go/**/*.{go,mod,sum,yaml}', 'proto/**/*.proto', 'tools/proto.ts'];
  for (const file of globSync(sources, { cwd: root }).sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

async function build(name: string): Promise<void> {
  needGo();
  console.log('Building the Go server and tools; this is done once and takes a minute or two.');
  await buildOnce(join(builds, name), buildInto);
  await pointEditorsTo(name);
  for (const other of await readdir(builds)) {
    if (other !== name && !other.startsWith('staging-')) {
      await rm(join(builds, other), { recursive: true, force: true });
    }
  }
}

async function buildInto(staging: string): Promise<void> {
  const at = (path: string) => join(staging, path);
  await mkdir(at('gen'));
  await writeFile(at('gen/go.mod'), 'module orderflow.example/gen\n\ngo 1.26\n');

  // go.mod points to the generated code for editors; this build has its own.
  for (const file of ['go.mod', 'go.sum']) await copyFile(join(goModule, file), at(file));
  await run('go', ['mod', 'edit', `-replace=orderflow.example/gen=${at('gen')}`, at('go.mod')]);
  const goBuild = (packages: string) =>
    run('go', ['build', '-trimpath', `-modfile=${at('go.mod')}`, '-o', `${at('bin')}/`, packages]);

  const path = [at('bin'), join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  await run(process.execPath, ['tools/proto.ts', 'export', at('export')], { cwd: root, path });
  await goBuild('tool');
  const protos = ['--path', at('export/proto/orderflow'), at('export/proto')];
  await run('buf', ['generate', '--template', 'buf.gen.yaml', '--output', at('gen'), ...protos], { path });
  await goBuild('./enrichment-server');
}

/** `replace` in go.mod points to this link, so that gopls and `go vet` work after a build. */
async function pointEditorsTo(name: string): Promise<void> {
  const staging = await mkdtemp(join(builds, 'staging-'));
  await symlink(join('builds', name, 'gen'), join(staging, 'gen'));
  await rename(join(staging, 'gen'), join(output, 'gen'));
  await rm(staging, { recursive: true });
}

/** Runs a command, by default in the Go module, without blocking the event loop; resolves to its standard output. */
export async function run(
  command: string,
  args: readonly string[],
  { cwd = goModule, path = process.env['PATH'] }: { cwd?: string; path?: string | undefined } = {},
): Promise<string> {
  // GOWORK: a workspace in a parent folder would forbid -modfile.
  const env = { ...process.env, PATH: path, GOWORK: 'off' };
  const { stdout } = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
