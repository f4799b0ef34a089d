import { domainToASCII } from 'node:url';
import { isAddress } from '../../domain/address.ts';

/**
 * Returns an address as it is sent to a mail server, where a domain with letters beyond ASCII is written in ASCII, which
 * every server understands; undefined for one that no mail is sent to.
 */
export function toSmtpAddress(text: string): string | undefined {
  if (!isAddress(text)) return undefined;
  const [local, domain = ''] = text.split('@');
  const asciiDomain = /^[!-~]+$/.test(domain) ? domain : domainToASCII(domain);
  const address = `${local}@${asciiDomain}`;
  return asciiDomain !== '' && isAddress(address) ? address : undefined;
}
