/** The largest number of headers of a record, and of the bytes of their names and values. */
export const MAX_HEADERS = 500;
export const MAX_HEADER_BYTES = 65_536;

/**
 * The headers of a record that has more than the limits. They stay encoded: a sender can write half a million into one
 * record, and decoded objects take fifty times the memory and half a second.
 */
export class OversizedHeaders {
  readonly count: number;
  /** Of names and values. */
  readonly bytes: number;
  readonly #encoded: Buffer;

  /**
   * @param encoded the headers, starting with their number; the patched kafkajs has checked that they end within the
   * record
   */
  constructor(encoded: Buffer, count: number, bytes: number) {
    this.#encoded = encoded;
    this.count = count;
    this.bytes = bytes;
  }

  /** Returns a header as text, the last one where it is repeated; undefined when it is missing or has no value. */
  text(name: string): string | undefined {
    const wanted = Buffer.from(name);
    let found: Buffer | null = null;
    for (let at = this.#first(), left = this.count; left > 0; left--) {
      const header = this.#header(at);
      at = header.end;
      if (this.#encoded.compare(wanted, 0, wanted.length, header.nameStart, header.nameEnd) !== 0) continue;
      found = this.#value(header);
    }
    return found?.toString();
  }

  /** Yields each header, those with the same name together, in the order of `Object.entries` of decoded headers. */
  *entries(): Generator<readonly [name: string, value: Buffer | null]> {
    // Most names occur once: a list for each would take most of the memory.
    const found: Record<string, number | number[]> = Object.create(null);
    for (let at = this.#first(), left = this.count; left > 0; left--) {
      const { nameStart, nameEnd, end } = this.#header(at);
      const name = this.#encoded.toString('utf8', nameStart, nameEnd);
      const known = found[name];
      if (known === undefined) found[name] = at;
      else if (typeof known === 'number') found[name] = [known, at];
      else known.push(at);
      at = end;
    }
    for (const name of Object.keys(found)) {
      for (const at of [found[name] ?? []].flat()) yield [name, this.#value(this.#header(at))];
    }
  }

  #first(): number {
    return readVarInt(this.#encoded, 0).end;
  }

  #header(at: number): Header {
    const name = readVarInt(this.#encoded, at);
    const nameEnd = name.end + name.value;
    const value = readVarInt(this.#encoded, nameEnd);
    const isNull = value.value < 0;
    const end = isNull ? value.end : value.end + value.value;
    return { nameStart: name.end, nameEnd, valueStart: value.end, end, isNull };
  }

  #value({ valueStart, end, isNull }: Header): Buffer | null {
    return isNull ? null : this.#encoded.subarray(valueStart, end);
  }
}

interface Header {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly end: number;
  readonly isNull: boolean;
}

/** Reads a varint of a record as kafkajs does: seven bits per byte, lowest first, zigzag-encoded. */
function readVarInt(bytes: Buffer, start: number): { value: number; end: number } {
  let raw = 0;
  let end = start;
  let shift = 0;
  let byte: number;
  do {
    byte = bytes[end++] ?? 0;
    raw += (byte & 0x7f) << shift;
    shift += 7;
  } while (byte >= 0x80);
  return { value: (raw >>> 1) ^ -(raw & 1), end };
}
