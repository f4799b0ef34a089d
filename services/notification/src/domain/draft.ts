import type { Amount, MailContent } from './mail.ts';

/** What a mail says, as far as its event says it: of a confirmed order the lines are read when it is rendered. */
export type MailDraft =
  | { readonly kind: 'CONFIRMED'; readonly orderId: string; readonly total: Amount }
  | Exclude<MailContent, { readonly kind: 'CONFIRMED' }>;

/** What a mail is about. */
export type MailKind = MailDraft['kind'];

/** A mail that is not rendered yet. */
export interface NewMail {
  /** The order's id and the kind, or a UUID: one mail for each. */
  readonly id: string;
  readonly customerId: string;
  readonly draft: MailDraft;
  /** The time of the event, or of the call. */
  readonly eventTime: Date;
  /** Why it will not be sent; undefined: it will. */
  readonly skipReason: string | undefined;
}

/** What the customer service, and the database, accept as the id of a customer. */
const customerIdPattern = /^[^\0]{1,256}$/s;

/** The mail that an event of an order causes. `maxAgeMs`: the age at which an event is too old to be mailed. */
export function mailOfEvent(
  event: {
    readonly customerId: string;
    readonly draft: Exclude<MailDraft, { readonly kind: 'MESSAGE' }>;
    readonly eventTime: Date;
  },
  now: Date,
  maxAgeMs: number,
): NewMail {
  const { customerId, draft, eventTime } = event;
  const id = `${draft.orderId}.${draft.kind.toLowerCase()}`;
  if (!customerIdPattern.test(customerId)) {
    return { ...event, id, customerId: '', skipReason: 'the order names no customer that can exist' };
  }
  const isOld = now.getTime() - eventTime.getTime() > maxAgeMs;
  return { id, customerId, draft, eventTime, skipReason: isOld ? 'the event is too old' : undefined };
}
