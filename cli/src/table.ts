/** Formats columns aligned under their headings. Numbers are right-aligned. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) =>
    lines.reduce((width, line) => Math.max(width, String(line[column] ?? '').length), 0),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const isNumber = typeof (rows[0]?.[column] ?? cell) === 'number';
          const width = widths[column] ?? 0;
          return isNumber ? String(cell).padStart(width) : String(cell).padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Makes a text safe for a terminal: control characters are written as `\xNN`. Line ends are kept. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, escapeCharacter);
}

/** The same for one line of at most `width` characters. */
export function printableCell(text: string, width: number): string {
  const line = printable(text).replaceAll('\n', '\\n');
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}

function escapeCharacter(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
