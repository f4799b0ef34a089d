import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { PartKind } from '../part.ts';
import { ask } from '../ports.ts';

/** More than `pnpm demo` sends. Of more, the oldest are deleted: neither memory nor disk grows. */
const maxMails = 2_500;

/** maildev: takes every mail, delivers none, and shows them on its page. */
export const maildevKind = (pagePort: number): PartKind => ({
  name: 'maildev',
  server: 'maildev, which delivers no mail and shows them all',
  urlVariable: 'SMTP_URL',
  url: (port) => `smtp://127.0.0.1:${port}`,
  page: `http://127.0.0.1:${pagePort}`,
  stopSignal: 'SIGTERM',
  readyLine: 'Press Ctrl+C to stop',
  responds: async (port) => (await ask('127.0.0.1', port, NOTHING))?.toString().startsWith('220') ?? false,
  async prepare({ dataDir, port }) {
    await mkdir(dataDir, { recursive: true });
    const main = fileURLToPath(new URL('bin/maildev.js', import.meta.resolve('maildev')));
    const listen = [
      '--ip',
      '127.0.0.1',
      '--smtp',
      String(port),
      '--web-ip',
      '127.0.0.1',
      '--web',
      String(pagePort),
    ];
    const keep = ['--mail-directory', dataDir, '--max-emails', String(maxMails)];
    // It would offer STARTTLS with a certificate that no client trusts.
    const plain = ['--hide-extensions', 'STARTTLS'];
    return {
      command: process.execPath,
      args: ['--max-semi-space-size=1', main, ...listen, ...keep, ...plain],
    };
  },
});

/** The server speaks first, and refuses a client that does. */
const NOTHING = Buffer.alloc(0);
