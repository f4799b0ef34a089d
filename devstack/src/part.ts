import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson, writeJson } from './json-file.ts';
import { ask, isPortFree } from './ports.ts';
import {
  freezeTree,
  isRunning,
  killTree,
  type ProcessRef,
  processRef,
  terminate,
  thawTree,
} from './process.ts';

export type StoreName = 'kafka' | 'mongo' | 'redis' | 'postgres';
export type PartName = StoreName | 'maildev';

/** The addresses of the stack. POSTGRES_URL has no database: services append theirs. */
export type StackUrls = {
  KAFKA_BROKERS: string;
  MONGO_URL: string;
  REDIS_URL: string;
  POSTGRES_URL: string;
  SMTP_URL: string;
};

/** One server of the stack: a process of its own, or an external one that is only used. */
export interface Part {
  readonly name: PartName;
  /** A description of the server. */
  readonly server: string;
  /** Configured through its environment variable: never started or stopped from here; faults on it throw. */
  readonly external: boolean;
  /** The same after a restart. */
  readonly port: number;
  readonly url: string;
  /** Its page for a browser, if it has one. */
  readonly page: string | undefined;
  readonly dataDir: string;
  readonly logFile: string;
  /** The process id while it runs, whichever process started it. */
  pid(): number | undefined;
  /** Whether it responds in its own protocol. */
  responds(): Promise<boolean>;
  /** Resolves when it serves; does nothing when it already runs. Rejects with the end of its log. */
  start(): Promise<void>;
  /** Stops it gracefully; its data is kept. */
  stop(): Promise<void>;
  /** SIGKILL for the process and its children; resolves when they have exited. Data is kept. */
  kill(): Promise<void>;
  /** As `kill`, for a part whose data will be deleted: gives it a moment to free its system resources. */
  abort(): Promise<void>;
  /** SIGSTOP for the process and its children: connections stay open, nothing responds. */
  freeze(): void;
  /** Undoes `freeze`. */
  thaw(): void;
  /** Stops and starts it. */
  restart(): Promise<void>;
}

export type Command = { command: string; args: string[]; uid?: number; gid?: number };

/** The differences between the parts. */
export type PartKind = {
  name: PartName;
  server: string;
  urlVariable: keyof StackUrls;
  url(port: number): string;
  page?: string;
  stopSignal: NodeJS.Signals;
  abortSignal?: NodeJS.Signals;
  /** A line that must be in its log, in addition to `answers`, before it counts as started. */
  readyLine?: string;
  responds(port: number): Promise<boolean>;
  prepare(context: {
    dataDir: string;
    port: number;
    /** Whether it is started often and never runs for long. */
    shortLived: boolean;
    onProgress: (line: string) => void;
  }): Promise<Command>;
};

/** Far longer than any part takes alone: the machine may be busy with other tests. */
const START_TIMEOUT_MS = 150_000;
const STOP_TIMEOUT_MS = 20_000;
const ABORT_TIMEOUT_MS = 500;

/** A part that is run from here, with its files below `dir`. */
export function ownPart(
  kind: PartKind,
  {
    dir,
    port,
    shortLived,
    onProgress,
  }: { dir: string; port: number; shortLived: boolean; onProgress: (line: string) => void },
): Part {
  const { name } = kind;
  const dataDir = path.join(dir, name);
  const logFile = path.join(dir, 'logs', `${name}.log`);
  const processFile = path.join(dir, 'run', `${name}.json`);

  function running(): ProcessRef | undefined {
    const ref = readJson<ProcessRef>(processFile);
    return ref && isRunning(ref) ? ref : undefined;
  }

  function mustRun(): ProcessRef {
    const ref = running();
    if (!ref) throw new Error(`${name} is not running`);
    return ref;
  }

  async function start(): Promise<void> {
    if (running()) return;
    if (!(await isPortFree(port))) {
      throw new Error(
        `${name} cannot start: port ${port} of 127.0.0.1 is taken by another program. ` +
          `Stop that program, or set ${kind.urlVariable} to use what runs there. (Log: ${logFile})`,
      );
    }
    const { command, args, ...user } = await kind.prepare({ dataDir, port, shortLived, onProgress });
    const log = openSync(logFile, 'a');
    const logStart = statSync(logFile).size;
    const child = spawn(command, args, {
      ...user,
      detached: true,
      stdio: ['ignore', log, log],
      cwd: path.parse(dir).root,
      env: { ...process.env, LC_ALL: 'C' },
    });
    closeSync(log);
    child.unref();
    let failure: string | undefined;
    child.once('error', (error) => {
      failure = `cannot be run: ${error.message}`;
    });
    child.once('exit', (code, signal) => {
      failure ??= `ended while starting (${signal ?? `exit code ${code}`})`;
    });
    const logged = () => readFileSync(logFile).subarray(logStart).toString();
    const { pid } = child;
    if (pid !== undefined) writeJson(processFile, processRef(pid));

    const deadline = Date.now() + START_TIMEOUT_MS;
    while (failure === undefined) {
      if ((kind.readyLine === undefined || logged().includes(kind.readyLine)) && (await kind.responds(port)))
        return;
      if (Date.now() > deadline) failure = `did not respond within ${START_TIMEOUT_MS / 1_000} s`;
      await sleep(50);
    }
    if (pid !== undefined) await killTree(pid);
    rmSync(processFile, { force: true });
    const tail = logged().trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`${name} ${failure}. Its log is ${logFile}, the last lines are:\n${tail}`);
  }

  async function end(signal: NodeJS.Signals | undefined, timeoutMs: number): Promise<void> {
    const ref = running();
    if (ref && !(signal && (await terminate(ref, signal, timeoutMs)))) await killTree(ref.pid);
    rmSync(processFile, { force: true });
  }

  const stop = () => end(kind.stopSignal, STOP_TIMEOUT_MS);

  return {
    name,
    server: kind.server,
    external: false,
    port,
    url: kind.url(port),
    page: kind.page,
    dataDir,
    logFile,
    pid: () => running()?.pid,
    responds: () => kind.responds(port),
    start,
    stop,
    kill: () => end(undefined, 0),
    abort: () => end(kind.abortSignal, ABORT_TIMEOUT_MS),
    freeze: () => freezeTree(mustRun().pid),
    thaw: () => thawTree(mustRun().pid),
    async restart() {
      await stop();
      await start();
    },
  };
}

/** An external part, at the address of its environment variable. */
export function externalPart(kind: PartKind, url: string): Part {
  const { name } = kind;
  const address = new URL(url.includes('://') ? url : `tcp://${url.split(',')[0]}`);
  const port = Number(address.port) || defaultPorts[name];
  const responds = async () => (await ask(address.hostname, port)) !== undefined;
  const refuse = () => {
    throw new Error(
      `${name} is external (${kind.urlVariable} is set): only a part of the stack itself can be faulted`,
    );
  };
  return {
    name,
    server: `as ${kind.urlVariable} says`,
    external: true,
    port,
    url,
    page: undefined,
    dataDir: '',
    logFile: '',
    pid: () => undefined,
    responds,
    async start() {
      if (await responds()) return;
      throw new Error(
        `${name}: nothing responds at ${address.hostname}:${port}, where ${kind.urlVariable} points. ` +
          'Start it, or unset the variable.',
      );
    },
    stop: async () => {},
    abort: async () => {},
    kill: async () => refuse(),
    freeze: refuse,
    thaw: refuse,
    restart: async () => refuse(),
  };
}

/** The ports of a stack: some parts have a second one. */
export type PortName = PartName | 'kafkaController' | 'maildevPage';

/** The well-known ports; the development stack uses them. */
export const defaultPorts: Readonly<Record<PortName, number>> = {
  kafka: 9092,
  kafkaController: 9093,
  mongo: 27017,
  redis: 6379,
  postgres: 5432,
  maildev: 1025,
  maildevPage: 1080,
};
