// Builds the Go side: code generated from an export of the contracts, the programs on it, and the Go tools.
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { buildOf, contractSources, exportContracts, interop, output, run, withTools } from './builds.ts';

const goModule = join(interop, 'go');
const missingGo = 'Go is not installed (no `go` on PATH): install Go 1.26 or newer, see https://go.dev/dl/.';

/** Absolute paths of the results of `buildGo`. */
export type GoBuild = {
  /**
   * The template of `examples/go-enrichment`, with the data of the enrichment stub and with faults. Environment: that of
   * the stub; prints `listening on HOST:PORT` when it serves.
   */
  enrichmentServer: string;
  /** Makes calls with generated clients: `client connect` or `client grpc`, see `../go/client/main.go`. */
  client: string;
  /** The code generated from every contract. */
  generated: string;
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
  const sources = [
    'interop/go/**/*.{go,mod,sum,yaml}',
    'examples/go-enrichment/**/*.{go,mod,sum,sql}',
    ...contractSources,
  ];
  const built = await buildOf('go', sources, async (staging) => {
    needGo();
    console.log('Building the Go programs and tools; this is done once and takes a minute or two.');
    await buildInto(staging);
  });
  await pointEditorsTo(join(built, 'gen'));
  return {
    enrichmentServer: join(built, 'bin/enrichment-server'),
    client: join(built, 'bin/client'),
    generated: join(built, 'gen'),
    grpcurl: join(built, 'bin/grpcurl'),
    protoset: join(built, 'export/descriptors.binpb'),
  };
}

/** Throws with one sentence when Go is missing. */
export function needGo(): void {
  if (!hasGo()) throw new Error(missingGo);
}

function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0;
}

async function buildInto(staging: string): Promise<void> {
  const at = (path: string) => join(staging, path);
  await mkdir(at('gen'));
  await writeFile(at('gen/go.mod'), 'module orderflow.example/gen\n\ngo 1.26\n');

  // go.mod points to the generated code for editors; this build has its own.
  for (const file of ['go.mod', 'go.sum']) await copyFile(join(goModule, file), at(file));
  await goCommand(['mod', 'edit', `-replace=orderflow.example/gen=${at('gen')}`, at('go.mod')]);
  const goBuild = (packages: string) =>
    goCommand(['build', '-trimpath', `-modfile=${at('go.mod')}`, '-o', `${at('bin')}/`, packages]);

  await exportContracts(at('export'));
  await goBuild('tool');
  const protos = ['--path', at('export/proto/orderflow'), at('export/proto')];
  await run('buf', ['generate', '--template', 'buf.gen.yaml', '--output', at('gen'), ...protos], {
    cwd: goModule,
    path: withTools(`${at('bin')}:${process.env['PATH']}`),
  });
  await goBuild('./...');
}

/** Runs `go`, by default in the module of the programs. */
export function goCommand(args: readonly string[], { cwd = goModule } = {}): Promise<string> {
  // GOWORK: a workspace in a parent folder would forbid -modfile.
  return run('go', args, { cwd, env: { GOWORK: 'off' } });
}

/** `replace` in go.mod points to this link, so that gopls and `go vet` work after a build. */
async function pointEditorsTo(generated: string): Promise<void> {
  const link = join(output, 'gen');
  const target = relative(output, generated);
  if ((await readlink(link).catch(() => undefined)) === target) return;
  const staging = await mkdtemp(join(output, 'staging-'));
  await symlink(target, join(staging, 'gen'));
  await rename(join(staging, 'gen'), link);
  await rm(staging, { recursive: true });
}
