import { isAddress, safeDetail } from '../domain/address.ts';
import type { MailContent } from '../domain/mail.ts';
import { messageIdOf } from '../domain/message-id.ts';
import type {
  ComposeMessage,
  Customer,
  Customers,
  MailToRender,
  Orders,
  RenderMail,
  RenderResult,
} from '../ports.ts';

/** What renders mails. */
export interface Rendering {
  readonly customers: Customers;
  readonly orders: Orders;
  readonly render: RenderMail;
  readonly compose: ComposeMessage;
  /** The sender, as a header value. */
  readonly from: string;
  /** How long the delivery of a rendered mail is retried. */
  readonly maxAgeMs: number;
}

const firstDelayMs = 1_000;
const maxDelayMs = 300_000;

/**
 * Renders mails with the customers, and the lines of confirmed orders, as they are now. Never throws: a mail whose
 * customer or order cannot be read is postponed. After an error that one customer may have caused the mails are halved
 * until it is found: it must not hold up those of others. `available`: whether the customer service has given a response
 * that can be used.
 */
export async function renderMails(
  rendering: Rendering,
  mails: readonly MailToRender[],
  now: Date,
): Promise<{ readonly results: RenderResult[]; readonly available: boolean }> {
  try {
    const customers = await rendering.customers.find([...new Set(mails.map(({ customerId }) => customerId))]);
    const results = mails.map((mail) => renderOne(rendering, mail, customers.get(mail.customerId), now));
    return { results: await Promise.all(results), available: true };
  } catch (error) {
    if (mails.length === 1 || !rendering.customers.isResponse(error))
      return { results: mails.map((mail) => postponed(mail, error, now)), available: false };
    const middle = mails.length >> 1;
    const first = await renderMails(rendering, mails.slice(0, middle), now);
    const second = await renderMails(rendering, mails.slice(middle), now);
    const available = first.available || second.available;
    return { results: [...first.results, ...second.results], available };
  }
}

async function renderOne(
  rendering: Rendering,
  mail: MailToRender,
  customer: Customer | undefined,
  now: Date,
): Promise<RenderResult> {
  const { id } = mail;
  if (customer === undefined) return { kind: 'skipped', id, detail: 'the customer does not exist' };
  const { email: recipient } = customer;
  if (recipient === '') return { kind: 'skipped', id, detail: 'the customer has no address' };
  if (!isAddress(recipient)) return { kind: 'skipped', id, detail: 'the address of the customer is invalid' };
  try {
    const content = await contentOf(rendering.orders, mail);
    if (content === undefined) return { kind: 'skipped', id, detail: 'the customer has no such order' };
    const { from, maxAgeMs } = rendering;
    const rendered = rendering.render(content, customer.name);
    const messageId = messageIdOf(id, from);
    const message = await rendering.compose({ from, to: recipient, messageId, date: now, rendered });
    const giveUpTime = new Date(now.getTime() + maxAgeMs);
    const { subject, text } = rendered;
    return { kind: 'rendered', id, recipient, subject, text, message, giveUpTime };
  } catch (error) {
    return postponed(mail, error, now);
  }
}

/** What the mail says; undefined when its customer has no such order. */
async function contentOf(
  orders: Orders,
  { draft, customerId }: MailToRender,
): Promise<MailContent | undefined> {
  if (draft.kind !== 'CONFIRMED') return draft;
  const order = await orders.find(draft.orderId, customerId);
  return order && { ...draft, ...order };
}

function postponed({ id, postponed: times }: MailToRender, error: unknown, now: Date): RenderResult {
  const delayMs = Math.min(firstDelayMs * 2 ** Math.min(times, 20), maxDelayMs);
  const detail = safeDetail(error instanceof Error ? error.message : String(error));
  return { kind: 'postponed', id, detail, until: new Date(now.getTime() + delayMs) };
}
