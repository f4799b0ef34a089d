import { safeDetail } from '../../domain/address.ts';
import type { Outcome } from '../../domain/delivery.ts';

/** What nodemailer adds to its errors. */
export interface SmtpError extends Error {
  /** The command that failed; `CONN` for the connection. */
  readonly command?: string;
  /** Of the server's reply. */
  readonly responseCode?: number;
  readonly response?: string;
}

/** Commands whose replies are about this mail; the others are about the connection, or about us. */
const commandsOfMail = new Set(['MAIL FROM', 'RCPT TO', 'DATA']);

/** Replies that demand TLS or a login: about us, whatever the command. */
const demands = new Set([530, 534, 535, 538]);

/**
 * Says how a delivery ended that failed with `error`. `isEndSent`: the end of the message may have reached the server.
 *
 * A reply with a code is certain. Without one, a mail is only known not to be accepted while its end was not sent. A
 * server that refuses the sender with 5xx refuses us, and every other mail as well: the mail waits until that is fixed.
 */
export function outcomeOfError(error: SmtpError, isEndSent: boolean): Outcome {
  const { command = '', responseCode = 0, response, message } = error;
  const detail = safeDetail(response ?? message);
  if (commandsOfMail.has(command)) {
    const isPermanent = responseCode >= 500 && responseCode <= 599;
    const isAboutUs = demands.has(responseCode) || (command === 'MAIL FROM' && responseCode !== 552);
    if (isPermanent && isAboutUs) return { kind: 'unreachable', detail };
    if (isPermanent) return { kind: 'refused', detail };
    if (responseCode >= 400 && responseCode <= 499) return { kind: 'deferred', detail };
  }
  return { kind: isEndSent ? 'unknown' : 'unreachable', detail };
}
