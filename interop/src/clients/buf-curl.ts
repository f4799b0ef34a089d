import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Registry } from '@bufbuild/protobuf';
import { root } from '../builds.ts';
import { type Client, emptyEnding } from './client.ts';
import { headerOptions, runCommand } from './command.ts';
import { codeName, endingOfJson } from './connect-error.ts';

/** Returns the program buf itself: what npm installs as `buf` is a script that starts Node to start it. */
export function bufProgram(): string {
  const { platform, arch } = process;
  const suffix = platform === 'linux' && arch === 'arm64' ? 'aarch64' : arch;
  const ofBuf = createRequire(realpathSync(join(root, 'node_modules/@bufbuild/buf/package.json')));
  return ofBuf.resolve(`@bufbuild/buf-${platform}-${suffix}/bin/buf`);
}

/**
 * Creates the client buf curl: the Connect protocol with protobuf over HTTP/2, with the descriptor set of the export.
 * Services that are not in it, such as health, it knows from the server's reflection.
 */
export function createBufCurl(options: { buf: string; descriptors: string; registry: Registry }): Client {
  const { buf, descriptors, registry } = options;
  return {
    async call(call) {
      const { url, service, method, request, headers, timeoutMs } = call;
      const { stdout, stderr, exitCode } = await runCommand(
        buf,
        [
          ...['curl', '--http2-prior-knowledge', '-v', '-d', '@-'],
          ...(service.startsWith('orderflow.') ? ['--schema', descriptors] : []),
          ...(timeoutMs === undefined ? [] : ['--timeout', `${timeoutMs}ms`]),
          ...headerOptions(headers),
          `${url}/${service}/${method}`,
        ],
        { input: JSON.stringify(request), call, countMessages: (said) => messagesIn(said.toString()).length },
      );
      const received = {
        messages: messagesIn(stdout.toString()).map((json) => JSON.parse(json)),
        headers: headersIn(stderr),
      };
      if (exitCode === null) return { ...emptyEnding, ...received, code: 'canceled', message: 'interrupted' };
      if (exitCode === 0) return { ...emptyEnding, ...received };
      const error = /^\{\n.*?^\}$/ms.exec(stderr)?.[0];
      if (error !== undefined) return { ...endingOfJson(JSON.parse(error), registry), ...received };
      if (stderr.includes('context deadline exceeded')) {
        return { ...emptyEnding, ...received, code: 'deadline_exceeded', message: stderr };
      }
      // An error without details is a line of text; the exit code has the code.
      if (exitCode < 8) throw new Error(`buf curl of ${service}/${method}: ${stderr}`);
      return { ...emptyEnding, ...received, code: codeName(exitCode >> 3), message: stderr };
    },
  };
}

/** The JSON of every message that is complete in the output. */
function messagesIn(stdout: string): string[] {
  return [...stdout.matchAll(/^(\{\}|\{\n.*?^\})$/gms)].map(([json]) => json);
}

/** The headers of the response in the verbose lines, such as `< (#1) Content-Type: application/proto`. */
function headersIn(stderr: string): Record<string, string> {
  return Object.fromEntries(
    [...stderr.matchAll(/^(?:buf: )?< \(#\d+\) ([\w-]+): (.*)$/gm)].map(([, name = '', value = '']) => [
      name.toLowerCase(),
      value,
    ]),
  );
}
