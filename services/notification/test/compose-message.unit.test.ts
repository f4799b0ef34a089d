import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { expect, it } from 'vitest';
import { composeMessage } from '../src/outbound/message/compose-message.ts';
import { renderMail } from '../src/outbound/message/render-mail.ts';

const mail = {
  from: 'Größe & Co <shop@example.com>',
  to: 'ann@example.com',
  messageId: 'o-1.confirmed@orderflow.example',
  date: new Date('2026-11-30T12:00:00Z'),
  rendered: { subject: 'Ihre Bestellung – größer 🎉', text: 'Grüße\n.\n', html: '<p>Grüße</p>' },
};

it('builds a text with its HTML twin that says it comes from a machine', async () => {
  const parsed = await simpleParser(Buffer.from(await composeMessage(mail)));
  expect(parsed).toMatchObject({
    subject: mail.rendered.subject,
    text: 'Grüße\n.\n',
    html: '<p>Grüße</p>',
    messageId: `<${mail.messageId}>`,
    date: mail.date,
    from: { value: [{ name: 'Größe & Co', address: 'shop@example.com' }] },
    to: { value: [{ name: '', address: 'ann@example.com' }] },
    attachments: [],
  });
  expect(parsed.headers.get('auto-submitted')).toBe('auto-generated');
  expect(parsed.headers.get('content-type')).toMatchObject({ value: 'multipart/alternative' });
});

it('builds the same bytes from the same values, and short lines of ASCII', async () => {
  const message = Buffer.from(await composeMessage(mail));
  expect(Buffer.from(await composeMessage(structuredClone(mail)))).toEqual(message);
  expect(message.toString('latin1')).toMatch(/^[\r\n\x20-\x7E]*$/);
  expect(
    Math.max(
      ...message
        .toString()
        .split('\r\n')
        .map(({ length }) => length),
    ),
  ).toBeLessThan(79);
  const other = { ...mail, rendered: { ...mail.rendered, text: 'x' } };
  const boundaryOf = (bytes: Uint8Array) => /boundary="(.*)"/.exec(Buffer.from(bytes).toString())?.[1];
  expect(boundaryOf(await composeMessage(other))).not.toBe(boundaryOf(message));
});

it('lets no value add a header or a part', async () => {
  const attack = 'x\r\nBcc: eve@example.com\r\n\r\nbody\n--boundary\u0000';
  const message = await composeMessage({
    ...mail,
    to: `ann@example.com\r\nBcc: eve@example.com`,
    messageId: attack,
    rendered: { subject: attack, text: attack, html: attack },
  });
  const [headers = ''] = Buffer.from(message).toString().split('\r\n\r\n', 1);
  const names = headers.match(/^[\w-]+(?=:)/gm);
  expect(names?.sort()).toEqual(
    ['Auto-Submitted', 'Content-Type', 'Date', 'From', 'MIME-Version', 'Message-ID', 'Subject', 'To'].sort(),
  );
});

it('keeps every subject, name and text', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(text, text, text, async (subject, name, message) => {
      const rendered = renderMail({ kind: 'MESSAGE', subject: `x ${subject}`, message }, name);
      const parsed = await simpleParser(Buffer.from(await composeMessage({ ...mail, rendered })));
      expect(parsed.subject).toBe(rendered.subject);
      expect(parsed.text).toBe(rendered.text);
      expect(parsed.html).toBe(rendered.html);
    }),
    { numRuns: 100 },
  );
});
