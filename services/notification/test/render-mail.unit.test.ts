import { describe, expect, it } from 'vitest';
import type { Amount, MailContent } from '../src/domain/mail.ts';
import { formatAmount } from '../src/outbound/message/format-amount.ts';
import { renderMail } from '../src/outbound/message/render-mail.ts';
import { escapeHtml, fillTemplate } from '../src/outbound/message/template.ts';

const usd = (units: bigint, nanos = 0): Amount => ({ currency: 'USD', units, nanos });
const line = (productName: string, quantity = 1n) => ({
  productName,
  quantity,
  unitPrice: usd(1_299n, 990_000_000),
  amount: usd(2_599n, 980_000_000),
});
const confirmed = (...lines: ReturnType<typeof line>[]): MailContent => ({
  kind: 'CONFIRMED',
  orderId: 'o-1',
  lines,
  subtotal: usd(2_599n, 980_000_000),
  tax: usd(208n),
  total: usd(2_807n, 980_000_000),
});
const hostile = `<script>alert("1")</script> & 'x'\u0000\u0007\u202E\r\nBcc: eve@example.com`;
const hostileLine = `<script>alert("1")</script> & 'x' Bcc: eve@example.com`;
const hostileHtml =
  '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39; Bcc: eve@example.com';

/** Returns the text of a mail without what all mails have. */
function bodyOf(content: MailContent): string {
  const { text } = renderMail(content, 'Ada');
  expect(text).toMatch(/^Hello Ada,\n\n.*\n\n--\nThis mail was sent automatically\.\n$/s);
  return text.slice('Hello Ada,\n\n'.length, text.lastIndexOf('\n\n--\n'));
}

it('lists the lines and totals of a confirmed order', () => {
  expect(renderMail(confirmed(), '').subject).toBe('Your order o-1 is confirmed');
  expect(bodyOf(confirmed(line('Laptop', 2n), line('Mouse', 10_000n)))).toBe(
    `Thank you for your order o-1. It is paid and confirmed.

Laptop
  2 × 1,299.99 USD = 2,599.98 USD
Mouse
  10,000 × 1,299.99 USD = 2,599.98 USD

Subtotal: 2,599.98 USD
Tax:      208.00 USD
Total:    2,807.98 USD`,
  );
  const { html } = renderMail(confirmed(line('Laptop', 2n), line('Mouse')), 'Ada');
  expect(html.match(/1,299\.99 USD/g)).toHaveLength(2);
  expect(html).toContain('2,807.98 USD');
});

it('says that an order is complete, and what was paid', () => {
  const content: MailContent = { kind: 'COMPLETED', orderId: 'o-1', total: usd(2_807n, 980_000_000) };
  expect(renderMail(content, '').subject).toBe('Your order o-1 is complete');
  expect(bodyOf(content)).toContain('You paid 2,807.98 USD.');
});

it.each([
  ['PAYMENT_FAILED', 'The payment did not succeed.'],
  ['OUT_OF_STOCK', 'A product of the order is not in stock any more.'],
  ['CLIENT_REQUEST', 'The order was cancelled on request.'],
  ['DEADLINE', 'The order could not be completed in time.'],
] as const)('says why an order was cancelled: %s', (reason, words) => {
  const content: MailContent = { kind: 'CANCELLED', orderId: 'o-1', reason };
  expect(renderMail(content, '').subject).toBe('Your order o-1 was cancelled');
  expect(bodyOf(content)).toContain(words);
  expect(renderMail(content, '').html).toContain(words);
});

it('names every reason of a rejection, and shows the message of one that it does not know', () => {
  const content: MailContent = {
    kind: 'REJECTED',
    orderId: 'o-1',
    rejections: [
      { reason: 'PRODUCT_NOT_FOUND', message: 'no product "X"' },
      { reason: 'NEW_REASON', message: 'the shop is closed' },
      { reason: 'toString', message: 'another' },
    ],
  };
  expect(renderMail(content, '').subject).toBe('Your order o-1 was not accepted');
  expect(bodyOf(content)).toContain(
    '\n- A product does not exist: no product "X"\n- the shop is closed\n- another\n',
  );
  expect(renderMail(content, '').html).toContain('no product &quot;X&quot;');
});

it('says what was refunded', () => {
  const content: MailContent = { kind: 'REFUNDED', orderId: 'o-1', amount: usd(10n, 500_000_000) };
  expect(renderMail(content, '').subject).toBe('The refund of your order o-1');
  expect(bodyOf(content)).toContain('10.50 USD');
});

it('keeps the lines of a message, in HTML too', () => {
  const content: MailContent = { kind: 'MESSAGE', subject: 'Hello', message: 'one\r\n\r\ntwo\u2028three' };
  expect(renderMail(content, '').subject).toBe('Hello');
  expect(bodyOf(content)).toBe('one\n\ntwo\nthree');
  expect(renderMail(content, '').html).toContain('one<br>\n<br>\ntwo<br>\nthree');
});

it('greets without a name when there is none', () => {
  const greetings = ['', ' \n ', ' Ada  Almeida '].map(
    (name) => renderMail(confirmed(), name).text.split('\n')[0],
  );
  expect(greetings).toEqual(['Hello,', 'Hello,', 'Hello Ada Almeida,']);
});

describe('values from outside', () => {
  it.each<[string, MailContent]>([
    ['a product', confirmed(line(hostile))],
    ['a currency', { kind: 'COMPLETED', orderId: 'o-1', total: { ...usd(1n), currency: hostile } }],
    ['an order id', { kind: 'CANCELLED', orderId: hostile, reason: 'DEADLINE' }],
    [
      'a rejection',
      { kind: 'REJECTED', orderId: 'o-1', rejections: [{ reason: hostile, message: hostile }] },
    ],
    ['a subject', { kind: 'MESSAGE', subject: hostile, message: 'x' }],
    ['a message', { kind: 'MESSAGE', subject: 'x', message: hostile }],
  ])('%s is escaped in HTML, and one line or several', (_, content) => {
    const { subject, text, html } = renderMail(content, hostile);
    expect(subject).not.toMatch(/[\p{Cc}\u202E]/u);
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\u202E]/u);
    expect(html).not.toMatch(/(?!\n)[\p{Cc}\u202E]/u);
    expect(html).not.toMatch(/<script|alert\("|'x'/);
    expect(text).toContain(`Hello ${hostileLine},`);
    expect(html.split(hostileHtml).length).toBeGreaterThan(1);
    expect(html.replaceAll('<br>\n', ' ').split(hostileHtml).length).toBeGreaterThan(2);
  });

  it('may look like a template', () => {
    const content: MailContent = { kind: 'MESSAGE', subject: '{{message}}', message: '{{title}} $& $1' };
    expect(bodyOf(content)).toBe('{{title}} $& $1');
  });

  it('may be many and long, and fit into what mail programs show', () => {
    const lines = Array.from({ length: 200 }, (_, index) => line(`${index} ${'n'.repeat(196)}`));
    const { html, text } = renderMail(confirmed(...lines), 'n'.repeat(200));
    expect(text.split('2,599.98 USD')).toHaveLength(202);
    expect(html.length).toBeLessThan(102_000);
  });
});

it.each([
  [usd(0n), '0.00 USD'],
  [usd(1n, 5), '1.000000005 USD'],
  [usd(1n, 250_000_000), '1.25 USD'],
  [usd(1n, 255_000_000), '1.255 USD'],
  [usd(-1n, -500_000_000), '-1.50 USD'],
  [usd(0n, -10_000_000), '-0.01 USD'],
  [usd(9_007_199_254_740_993n, 10_000_000), '9,007,199,254,740,993.01 USD'],
])('formats %o exactly', (amount, formatted) => {
  expect(formatAmount(amount)).toBe(formatted);
});

it('refuses to fill a template that needs another value', () => {
  const fill = (template: string) => fillTemplate(template, { text: 'x', list: [{}] }, escapeHtml);
  expect(() => fill('{{other}}')).toThrow('other');
  expect(() => fill('{{list}}')).toThrow('list');
  expect(() => fill('{{#text}}a{{/text}}')).toThrow('text');
  expect(fill('{{text}}{{#list}}a{{/list}}')).toBe('xa');
});
