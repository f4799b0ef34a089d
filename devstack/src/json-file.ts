import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Undefined when the file does not exist. */
export function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Atomically: a reader sees the old content or the new. */
export function writeJson(file: string, content: unknown): void {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(content));
  renameSync(temporary, file);
}
