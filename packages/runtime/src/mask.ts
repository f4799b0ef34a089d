/** The replacement of a secret. */
export const MASK = '***';

/**
 * Masks passwords in URLs: `postgres://app:s3cret@db/x` becomes `postgres://app:***@db/x`, `?password=s3cret` becomes
 * `?password=***`. Also for malformed URLs and for sentences that contain a URL.
 */
export function maskUrlPasswords(text: string): string {
  return text
    .replace(/(:\/\/[^:/?#@\s]*:)\S*@/g, `$1${MASK}@`)
    .replace(/([?&](?:password|passwd|token|secret)=)[^&\s]*/gi, `$1${MASK}`);
}
