// The official conformance suite of Connect: https://github.com/connectrpc/conformance
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { buildOnce } from '@orderflow/e2e/build-once';
import { loadProtos, type Protos } from '../conformance/protos.ts';
import { interop, output, root, run } from './builds.ts';
import { goCommand, needGo } from './go.ts';

const suite = 'connectrpc.com/conformance';
const version = 'v1.0.7';

/** The result of the suite. */
export interface ConformanceResult {
  /** Executed cases, including the excluded ones. */
  readonly cases: number;
  readonly passed: number;
  /** Cases with an unexpected result. */
  readonly failed: number;
  /** Cases that failed as listed in `excluded-*.txt`. */
  readonly excluded: number;
  /** The output of the suite. */
  readonly text: string;
}

/** One end of the suite: reads its requests from the stream, and writes the results. */
export type UnderTest = (protos: Protos, stream: Duplex) => Promise<void>;

/**
 * Runs every case of the suite that `interop/conformance/MODE.yaml` declares against `underTest`, in this process.
 * Builds the suite first if needed.
 */
export async function runConformance(
  mode: 'server' | 'client',
  underTest: UnderTest,
): Promise<ConformanceResult> {
  const { runner, protoset } = await buildConformance();
  const protos = loadProtos(protoset);
  const open = new Map<Duplex, Promise<void>>();
  const pipes = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {}); // The suite kills a program at the end; all results have been reported by then.
    open.set(socket, underTest(protos, socket));
  });
  await once(pipes.listen(0, '127.0.0.1'), 'listening');
  const { port } = pipes.address() as AddressInfo;
  const at = (file: string) => join(interop, 'conformance', file);
  const text = await outputOf(runner, [
    ...['--mode', mode, '--conf', at(`${mode}.yaml`), '--known-failing', `@${at(`excluded-${mode}.txt`)}`],
    ...['--', process.execPath, at('pipe.ts'), String(port)],
  ]);
  pipes.close();
  for (const socket of open.keys()) socket.destroy();
  await Promise.all(open.values());
  const counts =
    /Total cases: (\d+)\n(\d+) passed, (\d+) failed\n(?:\(Another (\d+) failed as expected)?/.exec(text);
  if (!counts) throw new Error(`the conformance suite did not finish:\n${text}`);
  const [cases = 0, passed = 0, failed = 0, excluded = 0] = counts
    .slice(1)
    .map((count) => Number(count ?? 0));
  return { cases, passed, failed, excluded, text };
}

/** Builds once per version. Nothing of the suite is committed: its protos come with its sources. */
async function buildConformance(): Promise<{ runner: string; protoset: string }> {
  const target = join(output, 'conformance', version);
  await buildOnce(target, async (staging) => {
    needGo();
    console.log('Building the conformance suite; this is done once and takes a minute or two.');
    const { Dir } = JSON.parse(await goCommand(['mod', 'download', '-json', `${suite}@${version}`])) as {
      Dir: string;
    };
    const buf = join(root, 'node_modules/.bin/buf');
    const protos = join(Dir, 'proto');
    await run(buf, ['build', protos, '--as-file-descriptor-set', '-o', join(staging, 'protos.binpb')], {
      cwd: protos,
    });
    await goCommand(['build', '-o', join(staging, 'connectconformance'), './cmd/connectconformance'], {
      cwd: Dir,
    });
  });
  return { runner: join(target, 'connectconformance'), protoset: join(target, 'protos.binpb') };
}

/** The output of a program, however it ends. */
function outputOf(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve(`${error && stdout === '' ? error.message : ''}${stderr}${stdout}`);
    });
  });
}
