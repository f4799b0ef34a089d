/**
 * Deeper content stays on one line: the sender could nest thousands of levels, and each line would be indented by as
 * many.
 */
const MAX_DEPTH = 10;

/**
 * Formats JSON over several lines, for a person. The tokens stay as they were written: numbers keep their notation, and
 * repeated members of an object stay repeated. Takes linear time, at any depth.
 * @param json must have been parsed: invalid JSON is not detected here.
 */
export function indent(json: string): string {
  const parts: string[] = [];
  let depth = 0;
  let isEmpty = false;
  const newLine = (at: number) => at <= MAX_DEPTH && parts.push('\n', '  '.repeat(at));
  for (const token of tokensOf(json)) {
    const closes = token === '}' || token === ']';
    if (closes) {
      // Empty objects stay "{}".
      if (!isEmpty && depth <= MAX_DEPTH) newLine(depth - 1);
      depth -= 1;
    } else if (isEmpty) newLine(depth);
    isEmpty = token === '{' || token === '[';
    if (isEmpty) depth += 1;
    parts.push(token);
    if (token === ',') newLine(depth);
    if (token === ':') parts.push(' ');
  }
  return parts.join('');
}

/** Yields brackets, commas and colons, and the text between them, without white space. */
function* tokensOf(json: string): Generator<string> {
  let at = 0;
  for (;;) {
    while (at < json.length && ' \t\r\n'.includes(json.charAt(at))) at++;
    if (at === json.length) return;
    const start = at;
    // Not with a regular expression: a long string would overflow its stack.
    if (json[at] === '"') at = endOfString(json, at);
    else if ('{}[],:'.includes(json.charAt(at))) at++;
    else while (at < json.length && !'{}[],: \t\r\n'.includes(json.charAt(at))) at++;
    yield json.slice(start, at);
  }
}

/** Returns the index after the string that begins here. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}
