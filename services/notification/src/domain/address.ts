/** One address, as it can be a recipient: no list, no comment, no second line, nothing that is not seen. */
const addressPattern = /^[^\p{C}\p{Z}"(),:;<>@[\\\]]+@[^\p{C}\p{Z}"(),:;<>@[\\\]]+$/u;
/** Longer ones do not fit into a command of SMTP. */
const maxAddressBytes = 254;

/** Whether mail can be sent to this address of a customer. */
export function isAddress(text: string): boolean {
  return Buffer.byteLength(text) <= maxAddressBytes && addressPattern.test(text);
}

/** The largest part of a detail that is stored. */
const maxDetail = 200;
/** Of a text that is as long as a service likes only its beginning is read: looking for addresses takes its square. */
const maxRead = 2_000;

/**
 * Makes a detail that may be stored and logged of what a mail server or an API says: servers repeat addresses in their
 * replies, so each word with an @ is left out. At most 200 characters, in one line.
 */
export function safeDetail(text: string): string {
  return text
    .slice(0, maxRead)
    .replace(/[^\s<>]*@[^\s<>]*/g, '(address)')
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, maxDetail);
}
