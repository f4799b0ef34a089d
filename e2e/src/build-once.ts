import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Creates the folder `target` unless it exists: `build` fills a staging folder, which is renamed when it is complete,
 * so that no process ever sees half a build. May run in several processes at once.
 */
export async function buildOnce(target: string, build: (staging: string) => Promise<void>): Promise<void> {
  if (existsSync(target)) return;
  await mkdir(dirname(target), { recursive: true });
  const staging = await mkdtemp(join(dirname(target), 'staging-'));
  try {
    await build(staging);
    await rename(staging, target).catch((error: unknown) => {
      if (!existsSync(target)) throw error; // else: another process was faster
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
