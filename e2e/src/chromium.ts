import { execFileSync } from 'node:child_process';
import { accessSync, constants, createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';
import { buildOnce } from './build-once.ts';

/** The package that carries a Chromium, headless and for Linux on x64, with the libraries that it needs. */
const carrier = fileURLToPath(new URL('..', import.meta.resolve('@sparticuz/chromium')));
const isCarried = process.platform === 'linux' && process.arch === 'x64';

/** Why tests that need a browser are skipped; undefined when they run. In CI they always run, and fail without one. */
export function reasonToSkipBrowser(): string | undefined {
  return process.env['CI'] || isCarried || installed() ? undefined : missing;
}

/** Starts a headless Chromium: the carried one, which is unpacked once per clone, elsewhere one of the PATH. */
export async function startChromium(): Promise<Browser> {
  // Containers that run as root have no sandbox; every page that is opened is our own.
  const args = ['--no-sandbox'];
  if (!isCarried) {
    const executablePath = installed();
    if (executablePath === undefined) throw new Error(missing);
    return chromium.launch({ executablePath, args });
  }
  const folder = await unpacked();
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    // Its zygote would drop the variable below.
    args: [...args, '--no-zygote'],
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'lib') },
  });
}

const missing = 'No Chromium was found on the PATH: install chromium or Google Chrome.';

function installed(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function unpacked(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(carrier, 'package.json'), 'utf8'));
  const target = fileURLToPath(new URL(`../.orderflow/chromium-${version}`, import.meta.url));
  await buildOnce(target, async (staging) => {
    const libraries = join(staging, 'libraries.tar');
    await Promise.all([
      unpack('chromium.br', join(staging, 'chromium'), 0o755),
      unpack('al2023.tar.br', libraries, 0o644),
    ]);
    execFileSync('tar', ['-xf', libraries, '-C', staging]);
  });
  return target;
}

const unpack = (name: string, target: string, mode: number) =>
  pipeline(
    createReadStream(join(carrier, 'bin', name)),
    createBrotliDecompress(),
    createWriteStream(target, { mode }),
  );
