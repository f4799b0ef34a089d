import { globSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRegistry, type DescService, type Registry } from '@bufbuild/protobuf';
import { buildOf, contractSources, exportContracts, root, run, withTools } from '../builds.ts';

/** What a client in TypeScript has of the contracts: an export of them, and code that is generated from it. */
export interface Contracts {
  /** The descriptor set of the export. */
  readonly descriptors: string;
  /** The module of generated code that exports every service as `services`. */
  readonly module: string;
  /** The services in the generated code, by their full names: those of the export and grpc.health.v1.Health. */
  readonly services: ReadonlyMap<string, DescService>;
  /** Every message, enum and extension of the generated code. */
  readonly registry: Registry;
}

/** Exports the contracts and generates TypeScript's code from them with protoc-gen-es, once per version of them. */
export async function buildContracts(): Promise<Contracts> {
  const sources = ['interop/src/clients/contracts.ts', ...contractSources];
  const built = await buildOf('typescript', sources, generateInto);
  const module = join(built, 'services.js');
  const { services, registry } = (await import(pathToFileURL(module).href)) as {
    services: readonly DescService[];
    registry: Registry;
  };
  return {
    descriptors: join(built, 'export/descriptors.binpb'),
    module,
    services: new Map(services.map((service) => [service.typeName, service])),
    registry: createRegistry(registry),
  };
}

/** Health is no contract of orderflow: its proto comes from the package that publishes it. */
const health = 'grpc/health/v1/health.proto';

async function generateInto(staging: string): Promise<void> {
  const at = (path: string) => join(staging, path);
  await exportContracts(at('export'));
  await mkdir(at('health/grpc/health/v1'), { recursive: true });
  await writeFile(at(`health/${health}`), readFileSync(join(root, '.orderflow/proto-deps', health)));
  const plugin = {
    local: 'protoc-gen-es',
    out: 'gen',
    include_imports: true,
    opt: ['target=js', 'import_extension=js'],
  };
  const template = JSON.stringify({ version: 'v2', plugins: [plugin] });
  for (const input of [at('export/proto'), at('health')]) {
    const path = withTools(process.env['PATH']);
    await run('buf', ['generate', '--template', template, '--output', staging, input], { path });
  }
  await writeFile(at('services.js'), moduleOf(globSync('gen/**/*_pb.js', { cwd: staging }).sort()));
}

/** A module that exports the services of all files, and a registry of everything else that is in them. */
function moduleOf(files: readonly string[]): string {
  return [
    "import { createRegistry } from '@bufbuild/protobuf';",
    ...files.map((file, index) => `import * as file${index} from './${file}';`),
    `const all = [${files.map((_, index) => `file${index}`)}].flatMap((file) => Object.values(file));`,
    'const ofKind = (...kinds) => all.filter(({ kind }) => kinds.includes(kind));',
    "export const services = ofKind('service');",
    "export const registry = createRegistry(...ofKind('message', 'enum', 'extension'));",
    '',
  ].join('\n');
}
