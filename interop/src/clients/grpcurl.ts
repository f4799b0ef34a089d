import { type Call, type Client, type Detail, type Ending, emptyEnding } from './client.ts';
import { headerOptions, runCommand } from './command.ts';
import { codeName } from './connect-error.ts';

/**
 * Creates the client grpcurl: gRPC, with the descriptor set of the export. Services that are not in it, such as health,
 * it knows from the server's reflection.
 */
export function createGrpcurl({ grpcurl, protoset }: { grpcurl: string; protoset: string }): Client {
  return {
    async call(call) {
      const { url, service, method, request, headers, timeoutMs } = call;
      const { stdout, stderr, exitCode } = await runCommand(
        grpcurl,
        [
          ...['-plaintext', '-v', '-format-error', '-d', '@'],
          ...(service.startsWith('orderflow.') ? ['-protoset', protoset] : []),
          ...(timeoutMs === undefined ? [] : ['-max-time', String(timeoutMs / 1000)]),
          ...headerOptions(headers),
          ...[new URL(url).host, `${service}/${method}`],
        ],
        { input: JSON.stringify(request), call, countMessages: (said) => messagesIn(said.toString()).length },
      );
      return endingOfOutput(stdout.toString(), stderr, exitCode, call);
    },
  };
}

function endingOfOutput(stdout: string, stderr: string, exitCode: number | null, call: Call): Ending {
  const received = {
    messages: messagesIn(stdout).map((json) => JSON.parse(json)),
    headers: metadataIn(stdout, 'Response headers received:'),
    trailers: metadataIn(stdout, 'Response trailers received:'),
  };
  if (exitCode === null) return { ...emptyEnding, ...received, code: 'canceled', message: 'interrupted' };
  if (exitCode === 0) return { ...emptyEnding, ...received };
  const start = stderr.indexOf('{');
  if (start < 0) throw new Error(`grpcurl of ${call.service}/${call.method}: ${stderr || stdout}`);
  const {
    code,
    message = '',
    details = [],
  } = JSON.parse(stderr.slice(start)) as {
    code: number;
    message?: string;
    details?: Detail[];
  };
  return { ...emptyEnding, ...received, code: codeName(code), message, details };
}

/** The JSON of every message that is complete in the output. */
function messagesIn(stdout: string): string[] {
  return [...stdout.matchAll(/^Response contents:\n(\{\}|\{\n.*?^\})$/gms)].map(([, json = '']) => json);
}

/** The metadata below a line of the output. */
function metadataIn(stdout: string, heading: string): Record<string, string> {
  const [, block = ''] = stdout.split(`${heading}\n`);
  const lines = block.split('\n');
  const end = lines.findIndex((line) => !/^[\w.-]+: /.test(line));
  return Object.fromEntries(
    lines.slice(0, end < 0 ? undefined : end).map((line) => {
      const [name = '', ...value] = line.split(': ');
      return [name.toLowerCase(), value.join(': ')];
    }),
  );
}
