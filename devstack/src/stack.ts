import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { readJson, writeJson } from './json-file.ts';
import { externalPart, ownPart, type Part, type PartKind, type PartName, type StackUrls } from './part.ts';
import { kafkaKind } from './parts/kafka.ts';
import { mongoKind } from './parts/mongo.ts';
import { postgresKind } from './parts/postgres.ts';
import { redisKind } from './parts/redis.ts';
import { freePorts } from './ports.ts';

export const partNames = ['kafka', 'mongo', 'redis', 'postgres'] as const satisfies readonly PartName[];

export type PartStatus = {
  name: PartName;
  /** `not answering`: the process is there, but frozen or overloaded. */
  state: 'up' | 'down' | 'not answering';
  external: boolean;
  pid: number | undefined;
  port: number;
  url: string;
  dataDir: string;
  logFile: string;
};

/** Kafka, MongoDB, Redis and Postgres as processes of their own, with all their files below one folder. */
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
  /** `free`: chosen when the stack is created, and kept. Kafka also takes a second one, by default the next. */
  ports: 'free' | Readonly<Record<PartName, number>>;
  /** Whether the parts are started often and never run for long; stored in the folder of the stack. */
  shortLived?: boolean;
  /** The parts that `up` starts; all by default. The others can still be started individually. */
  parts?: readonly PartName[];
  /**
   * The environment in which KAFKA_BROKERS, MONGO_URL, REDIS_URL and POSTGRES_URL are looked up: a part that is set is
   * external.
   */
  env?: NodeJS.ProcessEnv;
  onProgress?: (line: string) => void;
};

/** The data that a stack stores in its folder. */
type StackFile = Record<PartName | 'kafkaController', number> & { readonly shortLived: boolean };

/** Creates a stack in `dir`; nothing is started yet. */
export async function createStack(options: StackOptions): Promise<Stack> {
  const { dir, ports, shortLived = false } = options;
  const file = path.join(dir, 'stack.json');
  if (ports !== 'free') {
    mkdirSync(dir, { recursive: true });
    writeJson(file, { ...ports, kafkaController: ports.kafka + 1, shortLived } satisfies StackFile);
  } else if (!readJson(file)) {
    const [kafka = 0, kafkaController = 0, mongo = 0, redis = 0, postgres = 0] = await freePorts(5);
    mkdirSync(dir, { recursive: true });
    writeJson(file, { kafka, kafkaController, mongo, redis, postgres, shortLived } satisfies StackFile);
  }
  return attachStack(options);
}

/** Attaches to the stack that was created in `dir` by this or another process. */
export function attachStack({
  dir,
  parts: chosen = partNames,
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
  const { name, external, port, url, dataDir, logFile } = part;
  const pid = part.pid();
  const exists = external || pid !== undefined;
  const state = exists ? ((await part.responds()) ? 'up' : external ? 'down' : 'not answering') : 'down';
  return { name, state, external, pid, port, url, dataDir, logFile };
}
