import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { javaArtefacts } from '../java.ts';
import type { PartKind } from '../part.ts';
import { ask } from '../ports.ts';
import { findOnPath } from './find-on-path.ts';

/** The redis-server of a Maven artefact, otherwise the one on the PATH. */
export const redisKind: PartKind = {
  name: 'redis',
  server: 'Redis',
  urlVariable: 'REDIS_URL',
  url: (port) => `redis://127.0.0.1:${port}`,
  stopSignal: 'SIGTERM',
  // While it loads its data it responds -LOADING.
  responds: async (port) => (await ask('127.0.0.1', port, PING))?.toString().startsWith('+PONG') ?? false,
  async prepare({ dataDir, port, onProgress }) {
    await mkdir(dataDir, { recursive: true });
    const { redisDir } = await javaArtefacts(onProgress);
    const listen = ['--bind', '127.0.0.1', '--port', String(port)];
    // Not everysec: that postpones the write of what is acknowledged while the disk is being synced, and a kill loses it.
    const persistence = ['--dir', dataDir, '--appendonly', 'yes', '--appendfsync', 'no', '--save', ''];
    return { command: redisServer(redisDir), args: [...listen, ...persistence] };
  },
};

const PING = Buffer.from('PING\r\n');

function redisServer(redisDir: string): string {
  const platform = `-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const bundled = readdirSync(redisDir).find((name) => name.endsWith(platform));
  const candidates = [bundled && path.join(redisDir, bundled), findOnPath('redis-server')];
  // The bundled one needs OpenSSL 3 libraries, which an older system does not have.
  const usable = candidates.find((file) => file && spawnSync(file, ['--version']).status === 0);
  if (!usable) {
    throw new Error(
      `No redis-server runs on ${process.platform} ${process.arch}: install one and put it on the PATH.`,
    );
  }
  return usable;
}
