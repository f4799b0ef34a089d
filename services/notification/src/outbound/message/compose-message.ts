import { createHash } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { ComposeMessage } from '../../ports.ts';

/**
 * Builds a message with a text and its HTML twin. Nothing in it is random or depends on the time: a repeat is the same
 * mail, byte for byte. Every byte is ASCII, except in an address that is not; no value can add a header or a part.
 */
export const composeMessage: ComposeMessage = ({ from, to, messageId, date, rendered }) => {
  const { subject, text, html } = rendered;
  const hash = createHash('sha256').update(JSON.stringify([from, to, messageId, date, subject, text, html]));
  return new MailComposer({
    from,
    to: { name: '', address: to },
    subject,
    messageId: `<${messageId}>`,
    date,
    text,
    html,
    // No reply of a machine, such as that of an absent person, is wanted (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated' },
    // Lines of at most 76 characters pass every server unchanged.
    encoding: 'quoted-printable',
    // A boundary that can be known beforehand could be written into a text, and would end its part.
    baseBoundary: hash.digest('hex').slice(0, 32),
  })
    .compile()
    .build();
};
