import net from 'node:net';
import { onTestFinished, vi } from 'vitest';

const apiKeys = { fetch: 1, offsetCommit: 8 };

/** Records the requests of an API that this process sends until the test ends, without what all requests begin with. */
export function requestsOf(api: keyof typeof apiKeys): Buffer[] {
  const requests: Buffer[] = [];
  const connect = net.connect as (...options: unknown[]) => net.Socket;
  const spy = vi.spyOn(net, 'connect').mockImplementation(((...options: unknown[]) => {
    const socket = connect(...options);
    const write = socket.write.bind(socket) as (frame: Buffer, encoding: BufferEncoding) => boolean;
    // A request: size, API key, version, correlation id, length of the client's name and the name.
    socket.write = ((frame: Buffer, encoding: BufferEncoding) => {
      if (frame.readInt16BE(4) === apiKeys[api]) requests.push(frame.subarray(14 + frame.readInt16BE(12)));
      return write(frame, encoding);
    }) as typeof socket.write;
    return socket;
  }) as typeof net.connect);
  onTestFinished(() => spy.mockRestore());
  return requests;
}
