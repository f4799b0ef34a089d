import { createServer, type Socket } from 'node:net';
import { idOf } from './running-notification.ts';

/** An SMTP server that accepts everything, and remembers the messages. */
export async function tinySmtp() {
  const messages: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.write('220 test\r\n');
    let text = '';
    let isData = false;
    socket.on('data', (chunk) => {
      text += chunk;
      for (;;) {
        const end = text.indexOf(isData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const part = text.slice(0, end);
        text = text.slice(end + (isData ? 5 : 2));
        if (isData) messages.push(part);
        isData = !isData && /^DATA/i.test(part);
        socket.write(isData ? '354 go\r\n' : '250 ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `smtp://127.0.0.1:${port}`,
    /** The messages of a mail, once for each time that it was accepted. */
    of: (id: string) => messages.filter((message) => idOf(message) === id),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
