import type { MailContent, RenderedMail } from './domain/mail.ts';

/** Writes the texts of a mail. `customerName`: as the customer service has it; may be empty. */
export type RenderMail = (content: MailContent, customerName: string) => RenderedMail;

/** How a delivery to the mail server ended. `detail`: short, for people, without an address. */
export type DeliveryOutcome =
  /** The server has answered the end of DATA with 2xx. */
  | { readonly kind: 'accepted'; readonly detail: string }
  /** 4xx: not accepted; may be tried again. */
  | { readonly kind: 'deferred'; readonly detail: string }
  /** 5xx: not accepted, and will not be. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** All of DATA was sent, and its answer is missing: the server may have accepted the mail. */
  | { readonly kind: 'unknown'; readonly detail: string }
  /** The server was not reached, spoke no SMTP, refused TLS or us, or was lost before the end of DATA: not accepted. */
  | { readonly kind: 'unreachable'; readonly detail: string };

/** The mail server. */
export interface MailServer {
  /**
   * Delivers the bytes of a whole message (RFC 5322, with its headers) to one address. Never throws: errors are
   * outcomes. `signal` ends the attempt, with the outcome that is true then.
   */
  deliver(
    mail: { readonly to: string; readonly message: Uint8Array },
    signal: AbortSignal,
  ): Promise<DeliveryOutcome>;
  close(): void;
}

/** Builds the bytes of a message. The same values make the same bytes. */
export type ComposeMessage = (mail: {
  /** A header value: `MAIL_FROM`. */
  readonly from: string;
  readonly to: string;
  /** Without the angle brackets, such as `o-1.confirmed@orderflow.example`. */
  readonly messageId: string;
  readonly date: Date;
  readonly rendered: RenderedMail;
}) => Promise<Uint8Array>;
