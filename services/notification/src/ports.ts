import type { Delivery, MailState, Outcome } from './domain/delivery.ts';
import type { MailDraft, MailKind, NewMail } from './domain/draft.ts';
import type { Amount, MailContent, MailLine, RenderedMail } from './domain/mail.ts';

/** Writes the texts of a mail. `customerName`: as the customer service has it; may be empty. */
export type RenderMail = (content: MailContent, customerName: string) => RenderedMail;

/** The mail server. */
export interface MailServer {
  /**
   * Delivers the bytes of a whole message (RFC 5322, with its headers) to one address. Never throws: errors are
   * outcomes. Takes a minute at most; `signal` ends the attempt before, with the outcome that is true then.
   */
  deliver(mail: { readonly to: string; readonly message: Uint8Array }, signal: AbortSignal): Promise<Outcome>;
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

/** A customer, as far as mails need it. */
export interface Customer {
  /** May be empty. */
  readonly name: string;
  /** Empty, or anything: check it before it is used. */
  readonly email: string;
}

/** The customer service. */
export interface Customers {
  /** Returns the existing ones of up to 200 customers by id. Throws when the service is unavailable. */
  find(customerIds: readonly string[]): Promise<ReadonlyMap<string, Customer>>;
  /** Whether `find` has thrown this because of a response: one of the customers may be its cause. */
  isResponse(error: unknown): boolean;
}

/** What the mail of a confirmed order shows of it. */
export interface OrderContent {
  readonly lines: readonly MailLine[];
  readonly subtotal: Amount;
  readonly tax: Amount;
}

/** The order service. */
export interface Orders {
  /** Returns undefined when this customer has no such order. Throws when the service is unavailable. */
  find(orderId: string, customerId: string): Promise<OrderContent | undefined>;
}

/** A mail that has to be rendered. */
export interface MailToRender {
  readonly id: string;
  readonly customerId: string;
  readonly draft: MailDraft;
  /** How often it was postponed. */
  readonly postponed: number;
}

/** What rendering made of a mail. */
export type RenderResult =
  | {
      readonly kind: 'rendered';
      readonly id: string;
      readonly recipient: string;
      readonly subject: string;
      readonly text: string;
      /** The whole message, as every attempt sends it. */
      readonly message: Uint8Array;
      /** When it is no longer sent. */
      readonly giveUpTime: Date;
    }
  | { readonly kind: 'skipped'; readonly id: string; readonly detail: string }
  | { readonly kind: 'postponed'; readonly id: string; readonly detail: string; readonly until: Date };

/** Mails before they can be sent. */
export interface NewMails {
  /** Stores mails, in one statement; those that are stored already are left unchanged. Returns the number of new ones. */
  insert(mails: readonly NewMail[], now: Date): Promise<number>;
  /** Returns up to `limit` mails that have to be rendered now; no process gets them again before `until`. */
  claim(now: Date, until: Date, limit: number): Promise<MailToRender[]>;
  /** Stores results. A mail that was rendered meanwhile is left unchanged: its first bytes count. */
  save(results: readonly RenderResult[], now: Date): Promise<void>;
}

/** A rendered mail on its way. */
export interface DueMail {
  readonly delivery: Delivery;
  readonly recipient: string;
  readonly message: Uint8Array;
}

/** Changes of deliveries that are committed together. */
export interface DeliveryTransaction {
  /** Locks up to `limit` due mails, the longest due first; skips those that are locked already. */
  lockDue(now: Date, limit: number): Promise<DueMail[]>;
  /** Locks the delivery of a mail. */
  lock(id: string): Promise<Delivery | undefined>;
  /** When the next mail is due. */
  nextDueTime(): Promise<Date | undefined>;
  /** Adds changes to what is committed. */
  save(deliveries: readonly Delivery[], now: Date): void;
}

/** A stored mail, without the bytes that are sent. */
export interface StoredMail {
  readonly id: string;
  readonly kind: MailKind;
  readonly orderId: string;
  readonly customerId: string;
  readonly state: MailState;
  readonly subject: string;
  /** Empty in a list, too. */
  readonly text: string;
  readonly attempts: number;
  readonly lastDetail: string;
  readonly nextAttemptTime: Date | undefined;
  readonly eventTime: Date;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** A position in the list of mails, newest first. */
export interface MailPosition {
  readonly createTime: Date;
  readonly id: string;
}

/** Reads mails. */
export interface MailReader {
  find(id: string): Promise<StoredMail | undefined>;
  /** Returns up to `limit` mails, newest first, after a position or from the newest. */
  page(options: {
    readonly orderId: string | undefined;
    readonly customerId: string | undefined;
    readonly state: MailState | undefined;
    readonly kind: MailKind | undefined;
    readonly after: MailPosition | undefined;
    readonly limit: number;
  }): Promise<StoredMail[]>;
}

/** The transaction of a message by hand. */
export interface MessageTransaction extends Pick<MailReader, 'find'>, Pick<NewMails, 'insert'> {}
