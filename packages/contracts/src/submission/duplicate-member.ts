const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The names of an open object so far; most deeply nested ones have one. */
type NamesSoFar = string | Set<string> | undefined;

/**
 * Returns a name that one object of this JSON has twice, however it is escaped; undefined when there is none.
 * JSON.parse silently takes the last of them. `text` must have been parsed: invalid JSON is not detected here. Takes
 * time linear in the length of the text, at any depth.
 */
export function duplicateMember(text: string): string | undefined {
  const open: NamesSoFar[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        open.push(undefined);
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        open.pop();
        break;
      case QUOTE: {
        const end = endOfString(text, at);
        if (isName(text, end)) {
          const name = nameOf(text.slice(at + 1, end));
          const names = open.at(-1);
          if (names === name || (names instanceof Set && names.has(name))) return name;
          open[open.length - 1] = withName(names, name);
        }
        at = end;
        break;
      }
      default:
    }
  }
  return undefined;
}

/** The position of the quote that closes the string which begins here. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}

/** Whether the string that ends here is a member's name: only a name is followed by a colon. */
function isName(text: string, end: number): boolean {
  let at = end + 1;
  while (text.charCodeAt(at) <= 0x20) at++;
  return text.charCodeAt(at) === COLON;
}

function nameOf(written: string): string {
  return written.includes('\\') ? JSON.parse(`"${written}"`) : written;
}

function withName(names: NamesSoFar, name: string): NamesSoFar {
  if (names === undefined) return name;
  return (typeof names === 'string' ? new Set([names]) : names).add(name);
}
