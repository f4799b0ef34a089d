import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';

/** What goes wrong with a mail. `SILENT`: the server takes what comes and never replies. */
export type SmtpFault =
  | 'GARBAGE_GREETING'
  | 'SILENT_GREETING'
  /** The connection is cut when the client asks for TLS. */
  | 'CUT_AT_STARTTLS'
  | 'CUT_AT_RCPT'
  | 'SILENT_AT_RCPT'
  /** The connection is cut when the first bytes of the message arrive. */
  | 'CUT_IN_DATA'
  /** The message is accepted, and the connection is cut instead of a reply. */
  | 'CUT_AFTER_DATA'
  /** The message is accepted, and there is no reply. */
  | 'SILENT_AFTER_DATA'
  /** The server replies with this to RCPT, or to the end of DATA. */
  | { readonly at: 'RCPT' | 'DATA'; readonly code: number; readonly text: string };

/** A message that the server has accepted. */
export interface AcceptedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Its bytes without the dots that SMTP adds. */
  readonly message: Buffer;
  /** Without the angle brackets; empty when there is none. */
  readonly messageId: string;
}

/** An SMTP server on 127.0.0.1, whose failures are chosen while it runs. */
export interface SmtpServer extends AsyncDisposable {
  readonly port: number;
  /** `smtp://127.0.0.1:…`, with `smtps:` when its connections begin with TLS. */
  readonly url: string;
  /** Every message accepted so far, the first one first. */
  accepted(): readonly AcceptedMail[];
  /** How many messages with this Message-ID have been accepted so far. */
  acceptedCount(messageId: string): number;
  /** Connections so far. */
  connections(): number;
  /**
   * Lets deliveries fail until `heal`. `to`: only those to this address, which a fault before RCPT cannot know. `times`:
   * so many, then `heal` by itself.
   */
  fail(fault: SmtpFault, only?: { readonly to?: string; readonly times?: number }): void;
  /** Ends every fault. Connections that wait for a reply keep waiting. */
  heal(): void;
  close(): Promise<void>;
}

/**
 * Starts an SMTP server. `tls`: whether it offers STARTTLS or begins with TLS, with a certificate that no client trusts;
 * neither by default. `auth`: the user and password that it requires.
 */
export async function startSmtpServer({
  tls,
  auth,
}: {
  readonly tls?: 'starttls' | 'implicit';
  readonly auth?: { readonly user: string; readonly password: string };
} = {}): Promise<SmtpServer> {
  const accepted: AcceptedMail[] = [];
  const counts = new Map<string, number>();
  const sockets = new Map<number, Socket>();
  let connections = 0;
  let failing: { fault: SmtpFault; to: string | undefined; times: number } | undefined;

  /** Returns the fault when it is one of these, and counts it. */
  function faultAt(faults: (fault: SmtpFault) => boolean, to?: string): SmtpFault | undefined {
    if (failing === undefined || !faults(failing.fault)) return undefined;
    if (failing.to !== undefined && failing.to !== to) return undefined;
    const { fault } = failing;
    failing.times -= 1;
    if (failing.times <= 0) failing = undefined;
    return fault;
  }

  const cut = ({ remotePort }: SMTPServerSession) => sockets.get(remotePort)?.resetAndDestroy();

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<string | Error> {
    const { mailFrom, rcptTo } = session.envelope;
    const to = rcptTo.map(({ address }) => address);
    const fault = faultAt((each) => isAt(each, 'DATA') || String(each).endsWith('_DATA'), to[0]);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) {
      if (fault === 'CUT_IN_DATA') break;
      chunks.push(chunk);
    }
    if (fault === 'CUT_IN_DATA') {
      cut(session);
      return noReply;
    }
    if (isAt(fault, 'DATA')) return Object.assign(new Error(fault.text), { responseCode: fault.code });
    const message = Buffer.concat(chunks);
    const [headers = ''] = message.toString('latin1').split('\r\n\r\n', 1);
    const messageId = /^message-id:\s*<([^>]*)>/im.exec(headers)?.[1] ?? '';
    accepted.push({ from: mailFrom === false ? '' : mailFrom.address, to, message, messageId });
    counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
    if (fault === 'CUT_AFTER_DATA') cut(session);
    return fault === undefined ? 'accepted' : noReply;
  }

  const server = new SMTPServer({
    secure: tls === 'implicit',
    disabledCommands: [...(tls === 'starttls' ? [] : ['STARTTLS']), ...(auth ? [] : ['AUTH'])],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    onAuth({ username, password }, _session, callback) {
      if (username === auth?.user && password === auth?.password) return callback(null, { user: username });
      callback(new Error(`${username} is not known`));
    },
    onConnect(_session, callback) {
      if (faultAt((fault) => fault === 'SILENT_GREETING') === undefined) callback();
    },
    onRcptTo({ address }, session, callback) {
      const fault = faultAt((each) => isAt(each, 'RCPT') || String(each).endsWith('_RCPT'), address);
      if (fault === 'CUT_AT_RCPT') cut(session);
      else if (isAt(fault, 'RCPT'))
        callback(Object.assign(new Error(fault.text), { responseCode: fault.code }));
      else if (fault === undefined) callback();
    },
    onData(stream, session, callback) {
      receive(stream, session).then(
        (result) => {
          if (result === noReply) return;
          if (result instanceof Error) callback(result);
          else callback(null, result);
        },
        // The client is gone, and the rest of its message with it.
        () => {},
      );
    },
  });
  // Clients that go away in the middle are what this server is for.
  server.on('error', () => {});
  server.server.prependListener('connection', (socket: Socket) => {
    connections += 1;
    const { remotePort = 0 } = socket;
    sockets.set(remotePort, socket);
    socket.once('close', () => sockets.delete(remotePort));
    if (faultAt((fault) => fault === 'GARBAGE_GREETING')) socket.write('HTTP/1.1 400 Bad Request\r\n');
    if (tls === 'starttls') {
      socket.on('data', (chunk: Buffer) => {
        const isStart = /^STARTTLS\b/i.test(chunk.toString('latin1'));
        if (isStart && faultAt((fault) => fault === 'CUT_AT_STARTTLS')) socket.resetAndDestroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;

  async function close(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    for (const socket of sockets.values()) socket.destroy();
    await closed.promise;
  }

  return {
    port,
    url: `${tls === 'implicit' ? 'smtps' : 'smtp'}://127.0.0.1:${port}`,
    accepted: () => accepted,
    acceptedCount: (messageId) => counts.get(messageId) ?? 0,
    connections: () => connections,
    fail(fault, { to, times = Number.POSITIVE_INFINITY } = {}) {
      failing = { fault, to, times };
    },
    heal() {
      failing = undefined;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const noReply = '';

function isAt(fault: SmtpFault | undefined, at: 'RCPT' | 'DATA'): fault is SmtpFault & object {
  return typeof fault === 'object' && fault.at === at;
}
