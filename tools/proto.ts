// pnpm proto deps | generate | release | export [FOLDER]: everything around the contracts.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { contractComments } from './contract-comments.ts';
import { root, run } from './run.ts';

const depsDir = join(root, '.orderflow/proto-deps');
const protovalidate = 'build.buf:protovalidate:1.0.0';

/** The packages that contain protos: name, path in it, import path. */
const sources: readonly (readonly [string, string, string])[] = [
  ...['api/annotations', 'api/http', 'rpc/status', 'rpc/error_details', 'rpc/code', 'type/money'].map(
    (name) => ['google-proto-files', `google/${name}.proto`, `google/${name}.proto`] as const,
  ),
  ['grpc-health-check', 'proto/health/v1/health.proto', 'grpc/health/v1/health.proto'],
  ...['v1', 'v1alpha'].map((version) => {
    const file = `grpc/reflection/${version}/reflection.proto`;
    return ['@grpc/reflection', `build/proto/${file}`, file] as const;
  }),
];

/**
 * Assembles the protos that ours import, and those of health and reflection, from packages that contain them, without a
 * schema registry. Does nothing when all of them exist.
 */
export async function assembleDeps(): Promise<void> {
  if (areAssembled()) return;
  mkdirSync(dirname(depsDir), { recursive: true });
  const staging = mkdtempSync(`${depsDir}-`);
  const require = createRequire(import.meta.url);
  const packageDir = (name: string) => dirname(require.resolve(`${name}/package.json`));
  const copy = (name: string, from: string, to: string) =>
    cpSync(join(packageDir(name), from), join(staging, to), { recursive: true });
  for (const [name, from, to] of sources) copy(name, from, to);
  // protovalidate publishes its rules' proto inside a Maven jar; `jar` comes with the JDK.
  const work = mkdtempSync(join(tmpdir(), 'orderflow-protovalidate-'));
  const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
  await run(
    'mvn',
    ['-q', '-B', `${plugin}:copy`, `-Dartifact=${protovalidate}`, `-DoutputDirectory=${work}`],
    work,
  );
  await run('jar', ['xf', 'protovalidate-1.0.0.jar', 'buf/validate/validate.proto'], work);
  cpSync(join(work, 'buf'), join(staging, 'buf'), { recursive: true });
  rmSync(work, { recursive: true });
  // What an earlier version of the list has left.
  if (!areAssembled()) rmSync(depsDir, { recursive: true, force: true });
  try {
    renameSync(staging, depsDir);
  } catch (error) {
    rmSync(staging, { recursive: true });
    if (!areAssembled()) throw error; // else: another run was faster
  }
}

function areAssembled(): boolean {
  return sources.every(([, , to]) => existsSync(join(depsDir, to)));
}

/** Generates the TypeScript code and `comments.json` into `packages/contracts/src/gen`, or elsewhere below `out`. */
export async function generate(out: string = root): Promise<void> {
  await run('buf', ['generate', '--output', out]);
  await writeComments(join(out, 'packages/contracts/src/gen/comments.json'));
}

/** Writes the comments of our contracts, which the generated code does not have at run time. */
async function writeComments(file: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'orderflow-comments-'));
  const descriptors = join(work, 'descriptors.binpb');
  await run('buf', ['build', 'proto', '--as-file-descriptor-set', '-o', descriptors]);
  writeFileSync(file, `${JSON.stringify(contractComments(readFileSync(descriptors)), undefined, 2)}\n`);
  rmSync(work, { recursive: true });
}

/** Makes the present contracts the baseline of `buf breaking`. */
async function release(): Promise<void> {
  await run('buf', ['build', 'proto', '-o', 'proto/released.binpb']);
}

/** Writes every proto, ours and imported, and a descriptor set: everything that another language needs. */
export async function exportProtos(folder: string): Promise<void> {
  const target = resolve(folder);
  mkdirSync(target, { recursive: true });
  // Error details are sent as google.protobuf.Any, so nothing imports them, but clients need them.
  const details = ['status', 'error_details'].map((name) => `google/rpc/${name}.proto`);
  await run('buf', ['export', 'proto', '-o', join(target, 'proto')]);
  for (const file of details) cpSync(join(depsDir, file), join(target, 'proto', file));
  await run('buf', [
    'build',
    join(target, 'proto'),
    '--as-file-descriptor-set',
    '-o',
    join(target, 'descriptors.binpb'),
  ]);
  writeFileSync(
    join(target, 'README.md'),
    [
      '# orderflow contracts',
      '',
      '`proto/` is an import path with everything in it; `descriptors.binpb` is the same as a',
      '`google.protobuf.FileDescriptorSet`.',
      '',
      '    protoc -I proto --python_out=. proto/orderflow/order/event/v1/order_submitted.proto',
      "    grpcurl -protoset descriptors.binpb -plaintext -d '{}' localhost:8001 orderflow.order.v1.OrderService/ListOrders",
      '',
    ].join('\n'),
  );
}

const usage = `usage: pnpm proto deps             assemble the imported protos (done by the others when needed)
       pnpm proto generate         generate packages/contracts/src/gen
       pnpm proto release          take today's contracts as the ones that must not break
       pnpm proto export [FOLDER]  write protos and a descriptor set for other languages (default .orderflow/export)`;

if (import.meta.main) {
  const [command, folder = '.orderflow/export'] = process.argv.slice(2);
  if (command === undefined || !['deps', 'generate', 'release', 'export'].includes(command)) {
    console.error(usage);
    process.exit(2);
  }
  await assembleDeps();
  if (command === 'generate') await generate();
  if (command === 'release') await release();
  if (command === 'export') {
    await exportProtos(folder);
    console.log(`contracts written to ${folder}`);
  }
}
