import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAddress, safeDetail } from '../src/domain/address.ts';
import { mailOfEvent } from '../src/domain/draft.ts';
import { messageIdOf } from '../src/domain/message-id.ts';
import { fromDraftText, toDraftText } from '../src/outbound/postgres/draft-text.ts';

test.each([
  ['ada@example.com', true],
  ['ada.almeida+orders@mail.example.co.uk', true],
  ["o'brien@example.com", true],
  ['', false],
  ['ada', false],
  ['@example.com', false],
  ['ada@', false],
  ['a@b@example.com', false],
  ['a@example.com,b@example.com', false],
  ['a@example.com;b@example.com', false],
  ['Ada <a@example.com>', false],
  ['a@example.com\r\nBcc: b@example.com', false],
  ['a\0@example.com', false],
  ['a b@example.com', false],
  ['ada@exämple.com', true],
  ['a\u200B@example.com', false],
  [`a@${'b'.repeat(253)}`, false],
])('whether mail can be sent to %j: %s', (address, expected) => {
  expect(isAddress(address)).toBe(expected);
});

test.each([
  ['550 5.1.1 <ada@example.com>: no such user', '550 5.1.1 <(address)>: no such user'],
  [
    '450 ada@example.com,bo@example.com: greylisted\r\n450 try later',
    '450 (address) greylisted 450 try later',
  ],
  ['RCPT TO:<"ada b"@example.com>', 'RCPT TO:<"ada (address)>'],
  ['a\0b', 'a b'],
  ['550-line one\r\n550 two\r\n', '550-line one 550 two'],
  ['x'.repeat(500), `${'x'.repeat(199)}…`],
])('no address, line break or NUL is stored of %j', (text, expected) => {
  expect(safeDetail(text)).toBe(expected);
});

test('of a text that is as long as a service likes only the beginning is read', () => {
  expect(safeDetail('x'.repeat(1_000_000))).toBe(`${'x'.repeat(199)}…`);
});

test('whatever a server says becomes one short line without an address', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (reply) => {
      const detail = safeDetail(reply);
      expect(detail.length).toBeLessThanOrEqual(200);
      expect(detail).not.toMatch(/[\p{C}\n@]/u);
    }),
  );
});

test.each([
  ['o-1.confirmed', 'orders@shop.example', 'o-1.confirmed@shop.example'],
  ['o-1.confirmed', 'Shop <orders@shop.example>', 'o-1.confirmed@shop.example'],
  // A header has letters beyond ASCII only where the mail server says that it may.
  ['o-1.confirmed', 'orders@bücher.example', 'o-1.confirmed@xn--bcher-kva.example'],
])('the Message-ID of %s from %s', (id, from, expected) => {
  expect(messageIdOf(id, from)).toBe(expected);
});

test('ids that no Message-ID may contain have one of their own', () => {
  const ids = ['o:1.confirmed', 'o..1.confirmed', '.o.confirmed', 'o-1.confirmed', 'o_1.confirmed'];
  const messageIds = ids.map((id) => messageIdOf(id, 'a@shop.example'));
  expect(new Set(messageIds).size).toBe(ids.length);
  // The grammar of RFC 5322: dot-atom-text.
  for (const each of messageIds) expect(each).toMatch(/^[\w=-]+(\.[\w=-]+)*@shop\.example$/);
});

const time = new Date('2026-11-30T12:00:00Z');
const hour = 3_600_000;
const total = { currency: 'USD', units: 9_007_199_254_740_993n, nanos: 500_000_000 };
const event = {
  customerId: 'c-1',
  draft: { kind: 'COMPLETED', orderId: 'o-1', total },
  eventTime: time,
} as const;

test('an event is mailed once, under the id of its order and its kind, until it is too old', () => {
  const at = (ms: number) => mailOfEvent(event, new Date(time.getTime() + ms), 24 * hour);
  expect(at(0)).toEqual({ ...event, id: 'o-1.completed', skipReason: undefined });
  expect(at(24 * hour).skipReason).toBeUndefined();
  expect(at(24 * hour + 1).skipReason).toBe('the event is too old');
  // The clock of the order service may be ahead.
  expect(at(-hour).skipReason).toBeUndefined();
});

test.each(['', 'c\0', 'c'.repeat(257)])('no customer can have the id %j', (customerId) => {
  const mail = mailOfEvent({ ...event, customerId }, time, hour);
  expect(mail).toMatchObject({ customerId: '', skipReason: 'the order names no customer that can exist' });
});

test('a draft comes back as it was written, and its text has no NUL', () => {
  const rejections = [{ reason: 'LINE_QUANTITY', message: 'a\0b "units": 1' }];
  for (const draft of [
    event.draft,
    { kind: 'REJECTED', orderId: 'o-1', rejections },
    { kind: 'MESSAGE', subject: 'units', message: '{"units":"1"}' },
  ] as const) {
    const text = toDraftText(draft);
    expect(text).not.toContain('\0');
    expect(fromDraftText(text)).toEqual(draft);
  }
});
