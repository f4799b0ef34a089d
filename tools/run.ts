import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository's root. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** The workspace's own programs come first, so that scripts work outside `pnpm run` too. */
const path = [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);

/** What to install when a program that is not in the workspace is missing. */
const providers: Record<string, string> = { mvn: 'Maven 3', jar: 'a JDK 17 (not just a JRE)' };

/**
 * Runs a command at the repository's root, or in `cwd`, and resolves to its output.
 * @throws Error with the whole output when it fails, or one sentence saying what to install when it is missing.
 */
export async function run(command: string, args: readonly string[], cwd: string = root): Promise<string> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('close', resolve);
    child.on('error', (error: NodeJS.ErrnoException) => {
      const provider = providers[command];
      const isMissing = error.code === 'ENOENT' && provider !== undefined;
      reject(isMissing ? new Error(`${command} was not found: please install ${provider}.`) : error);
    });
  });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${output}`);
  return output;
}
