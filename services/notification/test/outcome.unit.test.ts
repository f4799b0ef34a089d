import { expect, it } from 'vitest';
import { outcomeOfError } from '../src/outbound/smtp/outcome.ts';

it.each([
  ['MAIL FROM', 451, false, 'deferred'],
  ['MAIL FROM', 530, false, 'unreachable'],
  ['MAIL FROM', 550, false, 'unreachable'],
  ['MAIL FROM', 552, false, 'refused'],
  ['RCPT TO', 450, false, 'deferred'],
  ['RCPT TO', 538, false, 'unreachable'],
  ['RCPT TO', 550, false, 'refused'],
  // Before the end of the message, and after it.
  ['DATA', 552, false, 'refused'],
  ['DATA', 451, true, 'deferred'],
  ['DATA', 554, true, 'refused'],
  ['DATA', 354, true, 'unknown'],
  ['DATA', undefined, true, 'unknown'],
  // The end of a reply is missing, or it belongs to no command: it may be to another one.
  ['CONN', 550, true, 'unknown'],
  ['CONN', 421, false, 'unreachable'],
  // The refusal of a login, or of a greeting, is about us.
  ['AUTH PLAIN', 535, false, 'unreachable'],
  ['EHLO', 550, false, 'unreachable'],
  [undefined, undefined, false, 'unreachable'],
])('%s with %s, end of the message sent: %s, is %s', (command, responseCode, isEndSent, kind) => {
  const error = Object.assign(new Error('it failed'), {
    ...(command && { command }),
    ...(responseCode && { responseCode, response: `${responseCode} no` }),
  });
  const detail = responseCode ? `${responseCode} no` : 'it failed';
  expect(outcomeOfError(error, isEndSent)).toEqual({ kind, detail });
});
