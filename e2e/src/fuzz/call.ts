import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import type { Code } from '@connectrpc/connect';
import { codeFromString } from '@connectrpc/connect/protocol-connect';
import type { EncodedMessage } from './message-bytes.ts';

export type Protocol = 'connect' | 'grpc' | 'grpc-web';

/** One call, as sent. */
export interface RawCall extends EncodedMessage {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly isUnary: boolean;
  readonly protocol: Protocol;
  readonly gzip: boolean;
}

/** `ok`, or the code of the response. */
export type Outcome = 'ok' | Code;

const CALL_MS = 5_000;
/** Streams do not end otherwise. */
const STREAM_MS = 100;

/** Makes raw calls over one HTTP/2 connection, and opens a new one whenever the server has closed it. */
export function createRawCaller(url: string): { call(raw: RawCall): Promise<Outcome>; close(): void } {
  let session: ClientHttp2Session | undefined;

  function connected(): ClientHttp2Session {
    if (session === undefined || session.closed || session.destroyed) {
      session = connect(url);
      session.on('error', () => {});
    }
    return session;
  }

  return {
    async call(raw) {
      const stream = connected().request(headersOf(raw), { signal: AbortSignal.timeout(2 * CALL_MS) });
      stream.end(bodyOf(raw));
      return outcomeOf(stream, raw);
    },
    close: () => session?.destroy(),
  };
}

function headersOf({ path, protocol, isUnary, format, gzip }: RawCall): Record<string, string> {
  const timeoutMs = isUnary ? CALL_MS : STREAM_MS;
  const common = { ':method': 'POST', ':path': path };
  if (protocol === 'connect') {
    const type = isUnary ? `application/${format}` : `application/connect+${format}`;
    const encoding = isUnary ? 'content-encoding' : 'connect-content-encoding';
    return {
      ...common,
      'content-type': type,
      'connect-timeout-ms': String(timeoutMs),
      [isUnary ? 'accept-encoding' : 'connect-accept-encoding']: 'identity',
      ...(gzip && { [encoding]: 'gzip' }),
    };
  }
  return {
    ...common,
    'content-type': `application/${protocol}+${format}`,
    'grpc-timeout': `${timeoutMs}m`,
    'grpc-accept-encoding': 'identity',
    te: 'trailers',
    ...(gzip && { 'grpc-encoding': 'gzip' }),
  };
}

function bodyOf({ protocol, isUnary, bytes, gzip }: RawCall): Buffer {
  const content = gzip ? gzipSync(bytes) : Buffer.from(bytes);
  if (protocol === 'connect' && isUnary) return content;
  const prefix = Buffer.alloc(5);
  prefix[0] = gzip ? 1 : 0;
  prefix.writeUInt32BE(content.length, 1);
  return Buffer.concat([prefix, content]);
}

async function outcomeOf(stream: ClientHttp2Stream, raw: RawCall): Promise<Outcome> {
  let trailers: Record<string, unknown> = {};
  stream.on('trailers', (received) => {
    trailers = received;
  });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  const body = await buffer(stream);
  const status = Number(headers[':status']);
  if (raw.protocol === 'connect') return connectOutcome(status, body, raw.isUnary);
  if (status !== 200) throw new Error(`response of ${raw.protocol} with HTTP ${status}`);
  const text =
    raw.protocol === 'grpc-web' ? /grpc-status: *(\d+)/.exec(body.toString('latin1'))?.[1] : undefined;
  const code = text ?? trailers['grpc-status'] ?? headers['grpc-status'];
  if (code === undefined) throw new Error(`response of ${raw.protocol} without a status`);
  return Number(code) === 0 ? 'ok' : Number(code);
}

function connectOutcome(status: number, body: Buffer, isUnary: boolean): Outcome {
  if (isUnary && status === 200) return 'ok';
  const text = body.toString('utf8');
  const code = codeFromString(/"code":"(\w+)"/.exec(text)?.[1] ?? '');
  if (code !== undefined) return code;
  // A stream that ended without an error.
  if (!isUnary && status === 200) return 'ok';
  throw new Error(`response of Connect with HTTP ${status} and ${text.slice(0, 200)}`);
}
