/** The Message-ID of a mail, without the angle brackets: the same for the same mail. `from`: `MAIL_FROM`. */
export function messageIdOf(id: string, from: string): string {
  const domain = /@([^@>\s]+)>?$/.exec(from)?.[1] ?? 'localhost';
  // Headers are ASCII; the name of a host is written so in every URL.
  const asciiDomain = /^[!-~]+$/.test(domain) ? domain : URL.parse(`http://${domain}`)?.hostname;
  // Ids of orders may have colons, or dots in a row, which a Message-ID must not; `=` is in no id.
  const isPlain = /^[\w-]+(\.[\w-]+)*$/.test(id);
  return `${isPlain ? id : `=${Buffer.from(id).toString('base64url')}`}@${asciiDomain ?? 'localhost'}`;
}
