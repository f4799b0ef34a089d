import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { frame, headerBlock } from './http2-frame.ts';

const type = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [n, value] of values.entries()) bytes.writeUInt32BE(value, 4 * n);
  return bytes;
}

/** `:status: 200` in HPACK. */
const status200 = Buffer.of(0x88);

/** The frames of a response on a stream, and frames that do not belong there. */
export const frames = {
  header: (stream: number, headers: Record<string, string>, flags: number = END_HEADERS) =>
    frame(type.headers, flags, stream, Buffer.concat([status200, headerBlock(headers)])),
  data: (stream: number, bytes: Buffer, flags = 0) => frame(type.data, flags, stream, bytes),
  trailer: (stream: number, headers: Record<string, string>, flags: number = END_HEADERS | END_STREAM) =>
    frame(type.headers, flags, stream, headerBlock(headers)),
  unreadable: (stream: number) => frame(type.headers, END_HEADERS, stream, Buffer.of(0xff, 0xff, 0xff, 0xff)),
  reset: (stream: number, code: number) => frame(type.reset, 0, stream, numbers(code)),
  goAway: (lastStream: number, code: number) => frame(type.goAway, 0, 0, numbers(lastStream, code)),
};

/**
 * Starts a server that sends what `respond` says when a request begins, and never lets a client send more than the
 * 64 KiB that it may send at first. `seen` has the ends and the resets of requests.
 */
export async function startHttp2Peer(
  respond: (stream: number, socket: Socket) => void,
): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((socket) => {
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.write(frame(type.settings, 0, 0));
    let waiting: Buffer = Buffer.alloc(0);
    let skip = PREFACE_BYTES;
    socket.on('data', (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      for (;;) {
        if (waiting.length < skip + HEAD_BYTES) return;
        const head = waiting.subarray(skip);
        const length = head.readUIntBE(0, 3);
        if (head.length < HEAD_BYTES + length) return;
        const payload = Buffer.from(head.subarray(HEAD_BYTES, HEAD_BYTES + length));
        waiting = waiting.subarray(skip + HEAD_BYTES + length);
        skip = 0;
        const flags = head[4] ?? 0;
        const isAck = (flags & ACK) !== 0;
        if (head[3] === type.settings && !isAck) socket.write(frame(type.settings, ACK, 0));
        if (head[3] === type.ping && !isAck) socket.write(frame(type.ping, ACK, 0, payload));
        if (head[3] === type.data && (flags & END_STREAM) !== 0) seen.push('end');
        if (head[3] === type.reset) seen.push(`reset ${payload.readUInt32BE(0)}`);
        if (head[3] === type.headers) respond(head.readUInt32BE(5), socket);
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
