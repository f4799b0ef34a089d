/** What stands where a secret was. */
export const MASK = '***';

/**
 * The text with passwords in URLs replaced: `postgres://app:s3cret@db/x` becomes `postgres://app:***@db/x`,
 * `?password=s3cret` becomes `?password=***`. Made for texts that may also be malformed URLs or sentences holding one.
 */
export function maskUrlPasswords(text: string): string {
  return text
    .replace(/(:\/\/[^:/?#@\s]*:)\S*@/g, `$1${MASK}@`)
    .replace(/([?&](?:password|passwd|token|secret)=)[^&\s]*/gi, `$1${MASK}`);
}
