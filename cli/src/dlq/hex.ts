const BYTES_A_LINE = 16;

/** Formats bytes like a hex editor: offset, 16 bytes in hex, the same as ASCII. */
export function hexView(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length; start += BYTES_A_LINE) {
    const part = [...bytes.subarray(start, start + BYTES_A_LINE)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0'));
    const columns = `${hex.slice(0, 8).join(' ')}  ${hex.slice(8).join(' ')}`.padEnd(48);
    const ascii = part
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'))
      .join('');
    lines.push(`${start.toString(16).padStart(8, '0')}  ${columns}  |${ascii}|`);
  }
  return lines.join('\n');
}
