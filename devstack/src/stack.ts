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
  /** Starts the chosen parts side by side; resolves when all serve, rejects with every part that does not. */
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
  /** Absolute. A stack that already lives there is taken over, running parts and ports included. */
  dir: string;
  /** `free`: chosen when the stack is made, and kept. Kafka also takes a second one, by default the next. */
  ports: 'free' | Readonly<Record<PartName, number>>;
  /** What `up` starts; all by default. The others can still be started one by one. */
  parts?: readonly PartName[];
  /** Where KAFKA_BROKERS, MONGO_URL, REDIS_URL and POSTGRES_URL are looked up: a part that is named is external. */
  env?: NodeJS.ProcessEnv;
  onProgress?: (line: string) => void;
};

type Ports = Record<PartName | 'kafkaController', number>;

/** A stack in `dir`; nothing is started yet. */
export async function createStack(options: StackOptions): Promise<Stack> {
  const { dir, ports } = options;
  const file = path.join(dir, 'stack.json');
  if (ports !== 'free') {
    mkdirSync(dir, { recursive: true });
    writeJson(file, { ...ports, kafkaController: ports.kafka + 1 } satisfies Ports);
  } else if (!readJson(file)) {
    const [kafka = 0, kafkaController = 0, mongo = 0, redis = 0, postgres = 0] = await freePorts(5);
    mkdirSync(dir, { recursive: true });
    writeJson(file, { kafka, kafkaController, mongo, redis, postgres } satisfies Ports);
  }
  return attachStack(options);
}

/** The stack that was created in `dir` by this or another process. */
export function attachStack({
  dir,
  parts: chosen = partNames,
  env = process.env,
  onProgress = () => {},
}: Omit<StackOptions, 'ports'>): Stack {
  const ports = readJson<Ports>(path.join(dir, 'stack.json'));
  if (!ports) throw new Error(`There is no stack in ${dir}`);
  for (const folder of ['logs', 'run']) mkdirSync(path.join(dir, folder), { recursive: true });

  const part = (kind: PartKind): Part => {
    const url = env[kind.urlVariable];
    return url ? externalPart(kind, url) : ownPart(kind, { dir, port: ports[kind.name], onProgress });
  };
  const parts = {
    kafka: part(kafkaKind(ports.kafkaController)),
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
  const state = exists ? ((await part.answers()) ? 'up' : external ? 'down' : 'not answering') : 'down';
  return { name, state, external, pid, port, url, dataDir, logFile };
}
