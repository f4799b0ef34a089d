import { Readable } from 'node:stream';
import parseAddresses from 'nodemailer/lib/addressparser';
import { parseConnectionUrl } from 'nodemailer/lib/shared';
import SmtpConnection from 'nodemailer/lib/smtp-connection';
import { safeDetail } from '../../domain/address.ts';
import type { Outcome } from '../../domain/delivery.ts';
import type { MailServer } from '../../ports.ts';
import { toSmtpAddress } from './mail-address.ts';
import { outcomeOfError } from './outcome.ts';

const maxDeliveryMs = 60_000;
const maxConnectMs = 10_000;
const chunkBytes = 64 * 1024;

/**
 * Creates the mail server at `url`, `smtp:` (with STARTTLS where the server offers it) or `smtps:`; its user and
 * password are those of the URL, and its parameters those of nodemailer. `from`: a header value, whose address is the
 * sender of every mail. `timeoutMs`: limits one delivery, from the lookup of the host's name to the last reply.
 *
 * Every delivery has a connection of its own, so no earlier mail leaves it in a state that is not known.
 * @throws Error when `url` or `from` cannot be used; it does not show the URL, which has a password.
 */
export function createMailServer({
  url,
  from,
  timeoutMs = maxDeliveryMs,
}: {
  readonly url: string;
  readonly from: string;
  readonly timeoutMs?: number;
}): MailServer {
  const sender = senderOf(from);
  const { auth, ...options } = optionsOf(url, timeoutMs);
  const closing = new AbortController();

  function deliver(
    { to, message }: { readonly to: string; readonly message: Uint8Array },
    signal: AbortSignal,
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      const recipient = toSmtpAddress(to);
      if (recipient === undefined) {
        return resolve({ kind: 'refused', detail: 'the address is not one that mails can be sent to' });
      }
      const connection = new SmtpConnection(options);
      let isEndSent = false;
      const body = Readable.from(
        (function* chunks() {
          for (let start = 0; start < message.length; start += chunkBytes)
            yield message.subarray(start, start + chunkBytes);
          isEndSent = true;
        })(),
      );

      const end = (outcome: Outcome) => {
        clearTimeout(timer);
        for (const each of signals) each.removeEventListener('abort', abort);
        connection.close();
        body.destroy();
        resolve(outcome);
      };
      const fail = (error: Error) => end(outcomeOfError(error, isEndSent));
      const abort = () => fail(new Error('the delivery was stopped'));
      const timer = setTimeout(() => fail(new Error(`no end after ${timeoutMs} ms`)), timeoutMs);
      const signals = [signal, closing.signal];
      for (const each of signals) each.addEventListener('abort', abort);
      if (signals.some(({ aborted }) => aborted)) return abort();

      const send = () =>
        connection.send({ from: sender, to: [recipient] }, body, (error, sent) => {
          if (error) return fail(error);
          const detail = safeDetail(sent.response);
          // A 2xx before the message has ended is not a reply to it.
          end({ kind: isEndSent ? 'accepted' : 'unreachable', detail });
        });
      connection.on('error', fail);
      connection.connect((error) => {
        if (error) return fail(error);
        if (auth === undefined || !connection.allowsAuth) return send();
        connection.login({ ...auth }, (refusal) => (refusal ? fail(refusal) : send()));
      });
    });
  }

  return {
    deliver,
    close: () => closing.abort(),
  };
}

function senderOf(from: string): string {
  // An unquoted colon in the name makes a group of it, which has no address.
  const [parsed, ...others] = parseAddresses(from);
  const sender = others.length === 0 ? toSmtpAddress(parsed?.address ?? '') : undefined;
  if (sender === undefined) {
    throw new Error(`the sender of mails is one address, such as "Shop <shop@example.com>", not "${from}"`);
  }
  return sender;
}

function optionsOf(url: string, timeoutMs: number) {
  if (!URL.canParse(url) || !['smtp:', 'smtps:'].includes(new URL(url).protocol)) {
    throw new Error('the URL of the mail server begins with smtp:// or smtps://');
  }
  return {
    ...parseConnectionUrl(url),
    // What the URL cannot change: mails and passwords are not logged, and outcomes are those of SMTP.
    logger: false,
    debug: false,
    transactionLog: false,
    lmtp: false,
    connection: undefined,
    socket: undefined,
    connectionTimeout: Math.min(maxConnectMs, timeoutMs),
    dnsTimeout: Math.min(maxConnectMs, timeoutMs),
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  };
}
