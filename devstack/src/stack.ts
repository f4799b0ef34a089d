import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { readJson, writeJson } from './json-file.ts';
import {
  defaultPorts,
  externalPart,
  ownPart,
  type Part,
  type PartKind,
  type PartName,
  type PortName,
  type StackUrls,
  type StoreName,
} from './part.ts';
import { kafkaKind } from './parts/kafka.ts';
import { maildevKind } from './parts/maildev.ts';
import { mongoKind } from './parts/mongo.ts';
import { postgresKind } from './parts/postgres.ts';
import { redisKind } from './parts/redis.ts';
import { freePorts } from './ports.ts';

export const storeNames = ['kafka', 'mongo', 'redis', 'postgres'] as const satisfies readonly StoreName[];
export const partNames = [...storeNames, 'maildev'] as const satisfies readonly PartName[];

export type PartStatus = {
  name: PartName;
  /** `not answering`: the process is there, but frozen or overloaded. */
  state: 'up' | 'down' | 'not answering';
  external: boolean;
  pid: number | undefined;
  port: number;
  url: string;
  page: string | undefined;
  dataDir: string;
  logFile: string;
};

/** Kafka, MongoDB, Redis, Postgres and maildev as processes of their own, with all their files below one folder. */
export interface Stack {
  readonly dir: string;
  readonly urls: StackUrls;
  readonly parts: Readonly<Record<PartName, Part>>;
  /** Starts the chosen parts concurrently; resolves when all serve, rejects with every part that does not. */
  up(): Promise<void>;
  /** Stops every part gracefully. Data kept. */
  down(): Promise<void>;
  status(): Promise<PartStatus[]>;
  /** Stops every part and deletes data and logs. Ports are kept. */
  reset(): Promise<void>;
  /** Kills every part and deletes the whole folder. The stack cannot be used afterwards. */
  destroy(): Promise<void>;
}

export type StackOptions = {
  /** Absolute. An existing stack there is taken over, running parts and ports included. */
  dir: string;
  /** `free`: chosen when the stack is created, and kept. */
  ports: 'free' | Readonly<Record<PortName, number>>;
  /** Whether the parts are started often and never run for long; stored in the folder of the stack. */
  shortLived?: boolean;
  /** The parts that `up` starts; the stores by default. The others can still be started individually. */
  parts?: readonly PartName[];
  /**
   * The environment in which KAFKA_BROKERS, MONGO_URL, REDIS_URL, POSTGRES_URL and SMTP_URL are looked up: a part that is
   * set is external.
   */
  env?: NodeJS.ProcessEnv;
  onProgress?: (line: string) => void;
};

/** The data that a stack stores in its folder. */
type StackFile = Record<PortName, number> & { readonly shortLived: boolean };

const portNames = Object.keys(defaultPorts) as PortName[];

/** Creates a stack in `dir`; nothing is started yet. */
export async function createStack(options: StackOptions): Promise<Stack> {
  const { dir, ports, shortLived = false } = options;
  const file = path.join(dir, 'stack.json');
  if (ports !== 'free') {
    mkdirSync(dir, { recursive: true });
    writeJson(file, { ...ports, shortLived } satisfies StackFile);
  } else {
    const kept = readJson<Partial<StackFile>>(file);
    // A stack that an earlier version has created has fewer.
    const missing = portNames.filter((name) => kept?.[name] === undefined);
    const free = await freePorts(missing.length);
    mkdirSync(dir, { recursive: true });
    const added = Object.fromEntries(missing.map((name, index) => [name, free[index]]));
    if (missing.length > 0) writeJson(file, { shortLived, ...kept, ...added });
  }
  return attachStack(options);
}

/** Attaches to the stack that was created in `dir` by this or another process. */
export function attachStack({
  dir,
  parts: chosen = storeNames,
  env = process.env,
  onProgress = () => {},
}: Omit<StackOptions, 'ports' | 'shortLived'>): Stack {
  const kept = readJson<StackFile>(path.join(dir, 'stack.json'));
  if (!kept) throw new Error(`${dir} contains no stack`);
  for (const folder of ['logs', 'run']) mkdirSync(path.join(dir, folder), { recursive: true });

  const part = (kind: PartKind): Part => {
    const url = env[kind.urlVariable];
    const { shortLived } = kept;
    return url
      ? externalPart(kind, url)
      : ownPart(kind, { dir, port: kept[kind.name], shortLived, onProgress });
  };
  const parts = {
    kafka: part(kafkaKind(kept.kafkaController)),
    mongo: part(mongoKind),
    redis: part(redisKind),
    postgres: part(postgresKind),
    maildev: part(maildevKind(kept.maildevPage)),
  };
  const all = Object.values(parts);

  async function down(): Promise<void> {
    await Promise.all(all.map((each) => each.stop()));
  }

  return {
    dir,
    parts,
    urls: {
      KAFKA_BROKERS: parts.kafka.url,
      MONGO_URL: parts.mongo.url,
      REDIS_URL: parts.redis.url,
      POSTGRES_URL: parts.postgres.url.replace(/\/$/, ''),
      SMTP_URL: parts.maildev.url,
    },
    down,
    async up() {
      const results = await Promise.allSettled(chosen.map((name) => parts[name].start()));
      const failures = results.flatMap((result) =>
        result.status === 'rejected' ? [result.reason as Error] : [],
      );
      if (failures.length > 0) {
        const messages = new Set(failures.map((failure) => failure.message));
        throw new AggregateError(failures, [...messages].join('\n\n'));
      }
    },
    status: () => Promise.all(all.map(statusOf)),
    async reset() {
      await down();
      for (const name of [...partNames, 'logs'])
        await rm(path.join(dir, name), { recursive: true, force: true });
      mkdirSync(path.join(dir, 'logs'), { recursive: true });
    },
    async destroy() {
      await Promise.all(all.map((each) => each.abort()));
      await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

async function statusOf(part: Part): Promise<PartStatus> {
  const { name, external, port, url, page, dataDir, logFile } = part;
  const pid = part.pid();
  const exists = external || pid !== undefined;
  const state = exists ? ((await part.responds()) ? 'up' : external ? 'down' : 'not answering') : 'down';
  return { name, state, external, pid, port, url, page, dataDir, logFile };
}
