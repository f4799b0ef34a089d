/** Details travel in a header, and clients give up on headers of 64 KiB (base64 and a second copy by some included). */
const DETAILS_MAX_CHARS = 24_000;

/** The first of these details, as many as a header can hold. */
export function fitting<T extends object>(details: readonly T[]): T[] {
  let chars = 0;
  const end = details.findIndex((detail) => {
    for (const text of Object.values(detail)) chars += String(text).length;
    return chars > DETAILS_MAX_CHARS;
  });
  return details.slice(0, end < 0 ? details.length : end);
}
