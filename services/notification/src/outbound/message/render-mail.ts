import { readFileSync } from 'node:fs';
import type { CancelReason } from '../../domain/cancel-reason.ts';
import type { Amount, MailContent } from '../../domain/mail.ts';
import type { RenderMail } from '../../ports.ts';
import { formatAmount } from './format-amount.ts';
import { escapeHtml, fillTemplate, type TemplateValues } from './template.ts';

const templates: Readonly<Record<MailContent['kind'], { html: string; text: string }>> = {
  CONFIRMED: readTemplate('confirmed'),
  COMPLETED: readTemplate('completed'),
  CANCELLED: readTemplate('cancelled'),
  REJECTED: readTemplate('rejected'),
  REFUNDED: readTemplate('refunded'),
  MESSAGE: readTemplate('message'),
};

const cancelReasons: Readonly<Record<CancelReason, string>> = {
  PAYMENT_FAILED: 'The payment did not succeed.',
  OUT_OF_STOCK: 'A product of the order is not in stock any more.',
  CLIENT_REQUEST: 'The order was cancelled on request.',
  DEADLINE: 'The order could not be completed in time.',
};

/** Reasons of a rejection in words for customers. Of a reason that is not here only the message is shown. */
const rejectionReasons: Readonly<Record<string, string>> = {
  CUSTOMER_ID_INVALID: 'The order does not say who the customer is',
  CUSTOMER_NOT_FOUND: 'The customer is not known',
  CUSTOMER_INACTIVE: 'The customer account is not active',
  LINES_EMPTY: 'The order is empty',
  TOO_MANY_LINES: 'The order is too long',
  PRODUCT_REFERENCE_INVALID: 'The order does not say which product is wanted',
  PRODUCT_NOT_FOUND: 'A product does not exist',
  PRODUCT_RETIRED: 'A product is no longer sold',
  QUANTITY_INVALID: 'A quantity cannot be ordered',
  QUOTED_PRICE_INVALID: 'A price in the order is not valid',
};

/**
 * Writes subject, text and HTML of a mail. All three are well-formed Unicode without control characters, but for the
 * line breaks in text and HTML.
 */
export const renderMail: RenderMail = (content, customerName) => {
  const { html, text } = templates[content.kind];
  const subject = subjectOf(content);
  const name = oneLine(customerName);
  const values = {
    title: subject,
    greeting: name === '' ? 'Hello,' : `Hello ${name},`,
    ...valuesOf(content),
  };
  return {
    subject,
    text: fillTemplate(text, values, (value) => value),
    html: fillTemplate(html, values, escapeHtml),
  };
};

function subjectOf(content: MailContent): string {
  if (content.kind === 'MESSAGE') return oneLine(content.subject);
  const order = `order ${oneLine(content.orderId)}`;
  switch (content.kind) {
    case 'CONFIRMED':
      return `Your ${order} is confirmed`;
    case 'COMPLETED':
      return `Your ${order} is complete`;
    case 'CANCELLED':
      return `Your ${order} was cancelled`;
    case 'REJECTED':
      return `Your ${order} was not accepted`;
    case 'REFUNDED':
      return `The refund of your ${order}`;
  }
}

function valuesOf(content: MailContent): TemplateValues {
  if (content.kind === 'MESSAGE') return { message: manyLines(content.message) };
  const orderId = oneLine(content.orderId);
  switch (content.kind) {
    case 'CONFIRMED':
      return {
        orderId,
        lines: content.lines.map(({ productName, quantity, unitPrice, amount }) => ({
          product: oneLine(productName),
          quantity: quantity.toLocaleString('en-US'),
          unitPrice: amountOf(unitPrice),
          amount: amountOf(amount),
        })),
        subtotal: amountOf(content.subtotal),
        tax: amountOf(content.tax),
        total: amountOf(content.total),
      };
    case 'COMPLETED':
      return { orderId, total: amountOf(content.total) };
    case 'CANCELLED':
      return { orderId, reason: cancelReasons[content.reason] };
    case 'REJECTED':
      return {
        orderId,
        reasons: content.rejections.map(({ reason, message }) => {
          const words = Object.hasOwn(rejectionReasons, reason) ? rejectionReasons[reason] : undefined;
          return { reason: oneLine(words === undefined ? message : `${words}: ${message}`) };
        }),
      };
    case 'REFUNDED':
      return { orderId, amount: amountOf(content.amount) };
  }
}

const amountOf = (amount: Amount) => oneLine(formatAmount(amount));

function readTemplate(name: string): { html: string; text: string } {
  const read = (extension: string) =>
    readFileSync(new URL(`../../../templates/compiled/${name}.${extension}`, import.meta.url), 'utf8');
  return { html: read('html'), text: read('txt') };
}

/** What changes the direction of the text after it, up to the end of the mail. */
const directions = /[\u202A-\u202E\u2066-\u2069]/g;

function oneLine(text: string): string {
  return manyLines(text).replaceAll(/\s+/g, ' ').trim();
}

function manyLines(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(directions, '')
    .replaceAll(/\r\n?|[\u2028\u2029]/g, '\n')
    .replaceAll(/(?!\n)\p{Cc}+/gu, ' ');
}
