// Builds the Python side: its libraries, and code generated from an export of the contracts.
import { globSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { installPython } from '@orderflow/e2e/python';
import { buildOf, contractSources, exportContracts, interop, run } from './builds.ts';

const folder = join(interop, 'python');
const requirements = join(folder, 'requirements.txt');

/** What `python3` needs to run the client: `python3 CLIENT grpcio` or `connectrpc`, see `../python/client.py`. */
export type PythonBuild = {
  /** The absolute path of client.py. */
  client: string;
  /** In addition to the environment of the process that starts it. */
  env: { PYTHONPATH: string };
};

/**
 * Installs the libraries and generates the code once: later calls use the result of the first, unless the contracts or
 * the requirements have changed. May run in several processes at once.
 * @throws Error with one sentence when Python is missing, and with the output of the failed command otherwise
 */
export async function buildPython(): Promise<PythonBuild> {
  const libraries = await installPython(requirements);
  const sources = ['interop/python/requirements.txt', 'interop/src/python.ts', ...contractSources];
  const generated = await buildOf('python', sources, (staging) => generateInto(staging, libraries));
  return {
    client: join(folder, 'client.py'),
    env: { PYTHONPATH: [libraries, join(generated, 'gen')].join(':') },
  };
}

async function generateInto(staging: string, libraries: string): Promise<void> {
  const at = (path: string) => join(staging, path);
  await exportContracts(at('export'));
  await mkdir(at('gen'));
  // What is in google/ comes with googleapis-common-protos.
  const protos = globSync(['orderflow/**/*.proto', 'buf/**/*.proto'], { cwd: at('export/proto') });
  const plugins = ['python', 'grpc_python', 'connectrpc'].map((plugin) => `--${plugin}_out=${at('gen')}`);
  await run(
    'python3',
    [
      ...['-m', 'grpc_tools.protoc', '-I', at('export/proto'), ...plugins],
      // Messages of Google's protobuf, which grpcio has too.
      ...['--connectrpc_opt=protobuf=google', ...protos],
    ],
    {
      path: `${join(libraries, 'bin')}:${process.env['PATH']}`,
      env: { PYTHONPATH: libraries },
    },
  );
}
