import type { TestProcess } from '@orderflow/testing/process';
import { cpuSeconds } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { type Figure, median, report } from './report.ts';

/** Rounds come in pairs, A B B A, so that a change of the machine's speed affects all alike. */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 12);
/** In each round, after as many to warm up. */
const calls = 5_000;

/** What is compared: a server of `programs/echo-server.ts`, and the client of its callers in `programs/echo-load.ts`. */
const contenders = {
  'ours, gRPC': { server: 'orderflow', client: 'grpc-js' },
  'ours, gRPC, by our client': { server: 'orderflow', client: 'orderflow' },
  'grpc-js': { server: 'grpc-js', client: 'grpc-js' },
  'bare node:http2': { server: 'http2', client: 'grpc-js' },
  'ours, Connect over HTTP/1.1': { server: 'orderflow', client: 'connect' },
} as const;
type Contender = keyof typeof contenders;
const names = Object.keys(contenders) as Contender[];

interface Run {
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the callers, while they measure. */
  readonly cpuSeconds: number;
  /** Of the server, while the callers warm up and measure. */
  readonly serverCpuSeconds: number;
}

/** Measures a unary call that does nothing, 64 at once, against a grpc-js server and a bare HTTP/2 server. */
export async function benchRpc(): Promise<boolean> {
  console.log('\nunary RPC: the same call to three servers\n');
  const running: TestProcess[] = [];
  try {
    return report('rpc', figuresOf(await measure(running)));
  } finally {
    await Promise.all(running.map((each) => each.kill()));
  }
}

async function measure(running: TestProcess[]): Promise<Record<Contender, Run[]>> {
  const servers = new Map<string, { readonly url: string; readonly pid: number }>();
  for (const server of new Set(Object.values(contenders).map((contender) => contender.server))) {
    const started = startProgram({ running }, 'echo-server', server);
    const port = (await started.waitForLine(/^port \d+$/)).split(' ')[1];
    servers.set(server, { url: `http://127.0.0.1:${port}`, pid: started.pid });
  }

  async function runOf(name: Contender): Promise<Run> {
    const { server, client } = contenders[name];
    const { url = '', pid = 0 } = servers.get(server) ?? {};
    const cpu = cpuSeconds(pid);
    const load = startProgram({ running }, 'echo-load', client, url, String(calls));
    const run = (await resultOf(load)) as Omit<Run, 'serverCpuSeconds'>;
    return { ...run, serverCpuSeconds: cpuSeconds(pid) - cpu };
  }

  const runs = Object.fromEntries(names.map((name) => [name, [] as Run[]])) as Record<Contender, Run[]>;
  console.log('  warming up');
  for (const name of names) await runOf(name);
  for (let round = 0; round < rounds; round += 1) {
    console.log(`  round ${round + 1} of ${rounds}`);
    for (const name of round % 2 === 0 ? names : names.toReversed()) runs[name].push(await runOf(name));
  }
  return runs;
}

function figuresOf(runs: Record<Contender, Run[]>): Figure[] {
  const medianOf = (name: Contender, value: (run: Run) => number) => median(runs[name].map(value));
  /** The median of the ratios of each round. */
  const ratioOf = (a: Contender, b: Contender, value: (run: Run) => number) =>
    median(runs[a].map((run, round) => value(run) / value(runs[b][round] ?? run)));
  const rate = ({ seconds }: Run) => calls / seconds;
  const serverCpu = ({ serverCpuSeconds }: Run) => (serverCpuSeconds / (2 * calls)) * 1e6;
  const callerCpu = (run: Run) => (run.cpuSeconds / calls) * 1e6;

  return [
    ...names.flatMap((name): Figure[] => [
      { name: `${name}: rate`, value: medianOf(name, rate), unit: 'calls/s' },
      { name: `${name}: p50`, value: medianOf(name, ({ p50Ms }) => p50Ms), unit: 'ms' },
      { name: `${name}: p99`, value: medianOf(name, ({ p99Ms }) => p99Ms), unit: 'ms' },
      { name: `${name}: CPU of the server`, value: medianOf(name, serverCpu), unit: 'µs/call' },
      { name: `${name}: CPU of the callers`, value: medianOf(name, callerCpu), unit: 'µs/call' },
    ]),
    {
      name: 'rate: ours / grpc-js',
      value: ratioOf('ours, gRPC', 'grpc-js', rate),
      unit: '×',
    },
    {
      name: 'rate: ours / bare node:http2',
      value: ratioOf('ours, gRPC', 'bare node:http2', rate),
      unit: '×',
    },
    {
      name: 'CPU of the server: ours / grpc-js',
      value: ratioOf('ours, gRPC', 'grpc-js', serverCpu),
      unit: '×',
    },
    {
      name: 'CPU of the server: ours / bare node:http2',
      value: ratioOf('ours, gRPC', 'bare node:http2', serverCpu),
      unit: '×',
    },
    {
      name: 'CPU of the callers: our client / grpc-js',
      value: ratioOf('ours, gRPC, by our client', 'ours, gRPC', callerCpu),
      unit: '×',
    },
  ];
}
