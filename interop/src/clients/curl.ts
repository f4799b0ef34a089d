import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Call, HttpRequest, HttpResponse } from './client.ts';
import { headerOptions, runCommand } from './command.ts';

/** What curl has received; undefined when the call was cancelled before there was a response. */
export interface CurlResult extends Omit<HttpResponse, 'body'> {
  readonly body: Buffer;
  readonly isCancelled: boolean;
}

/** Runs curl over HTTP/1.1. Rejects when there is no response, except to a call that was cancelled. */
export async function runCurl(
  { url, method, headers, body }: Omit<HttpRequest, 'body'> & { readonly body?: string | Buffer },
  options: { call?: Call; countMessages?: (body: Buffer) => number } = {},
): Promise<CurlResult> {
  const folder = await mkdtemp(join(tmpdir(), 'orderflow-curl-'));
  const headerFile = join(folder, 'headers');
  try {
    const { stdout, stderr, exitCode } = await runCommand(
      'curl',
      [
        ...['-sS', '--no-buffer', '--globoff', '-X', method, '-D', headerFile],
        ...headerOptions(headers),
        ...(body === undefined ? [] : ['--data-binary', '@-']),
        url,
      ],
      { ...options, ...(body !== undefined && { input: body }) },
    );
    const isCancelled = exitCode === null;
    if (exitCode !== 0 && !isCancelled) throw new Error(`curl ${method} ${url}: ${stderr}`);
    const head = await readFile(headerFile, 'utf8').catch(() => '');
    return { ...readHead(head), body: stdout, isCancelled };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Sends a plain HTTP request with curl. */
export async function sendWithCurl(request: HttpRequest): Promise<HttpResponse> {
  const { status, headers, body } = await runCurl(request);
  return { status, headers, body: body.toString() };
}

/** Reads the status and the headers; of several responses, as after `100 Continue`, those of the last. */
function readHead(text: string): { status: number; headers: Record<string, string> } {
  const head =
    text
      .trim()
      .split(/\r\n\r\n/)
      .at(-1) ?? '';
  const [first = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(first.split(' ')[1] ?? 0), headers: Object.fromEntries(headers) };
}
