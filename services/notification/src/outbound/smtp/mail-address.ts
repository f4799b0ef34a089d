import { domainToASCII } from 'node:url';

/** Longer ones do not fit into a command of SMTP. */
const maxBytes = 254;

/**
 * Returns an address as it is sent to a mail server, where a domain with letters beyond ASCII is written in ASCII, which
 * every server understands; undefined for one that no mail is sent to. Spaces, control characters and what has a
 * meaning in a command of SMTP or in a list of addresses are refused, quoted or not: they are an attack or a mistake.
 */
export function toSmtpAddress(text: string): string | undefined {
  if (!/^[^\p{C}\p{Z}"(),:;<>@[\\\]]+@[^\p{C}\p{Z}"(),:;<>@[\\\]]+$/u.test(text)) return undefined;
  const [local, domain = ''] = text.split('@');
  const asciiDomain = /^[!-~]+$/.test(domain) ? domain : domainToASCII(domain);
  const address = `${local}@${asciiDomain}`;
  return asciiDomain === '' || Buffer.byteLength(address) > maxBytes ? undefined : address;
}
