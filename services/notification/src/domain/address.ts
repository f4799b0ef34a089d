/**
 * One address, as it can be a recipient. Spaces, control characters and what has a meaning in a command of SMTP or in a
 * list of addresses are refused, quoted or not: they are an attack or a mistake.
 */
const addressPattern = /^[^\p{C}\p{Z}"(),:;<>@[\\\]]+@[^\p{C}\p{Z}"(),:;<>@[\\\]]+$/u;
/** Longer ones do not fit into a command of SMTP. */
const maxAddressBytes = 254;

/** Whether mail can be sent to this address of a customer. */
export function isAddress(text: string): boolean {
  return Buffer.byteLength(text) <= maxAddressBytes && addressPattern.test(text);
}

const maxDetailLength = 200;
/** A reply may be as long as a server likes: only its beginning is looked at. */
const maxReadLength = 2_000;

/**
 * Makes a detail that may be stored and logged of what a mail server or an API says: servers repeat addresses in their
 * replies, so each word with an @ is left out. At most 200 characters, in one line.
 */
export function safeDetail(text: string): string {
  const line = text
    .slice(0, maxReadLength)
    .replaceAll(/[^\s<>]*@[^\s<>]*/g, '(address)')
    .replaceAll(/[\p{C}\p{Z}\s]+/gu, ' ')
    .trim();
  return line.length <= maxDetailLength ? line : `${line.slice(0, maxDetailLength - 1).toWellFormed()}…`;
}
