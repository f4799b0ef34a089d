/** Longer ones do not fit into a command of SMTP. */
const maxBytes = 254;

/**
 * Returns whether mails are sent to this address: a local part and a domain, also with letters beyond ASCII. Spaces,
 * control characters and what has a meaning in a command or a header of a mail are refused, quoted or not: an address
 * with them is either an attack or a mistake.
 */
export function isMailAddress(text: string): boolean {
  return (
    /^[^\p{C}\p{Z}"(),:;<>@[\\\]]+@[^\p{C}\p{Z}"(),:;<>@[\\\]]+$/u.test(text) &&
    Buffer.byteLength(text) <= maxBytes
  );
}
