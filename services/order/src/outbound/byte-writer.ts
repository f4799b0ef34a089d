const initialBytes = 65_536;
/** A buffer that a large value has made larger than this is not kept. */
const maxKeptBytes = 4_194_304;
/** Longer text is written faster by one call of the buffer than character by character. */
const shortText = 40;

/**
 * Writes bytes one after the other into a buffer that is used again and again. Encoders that make an object of every
 * value, and a buffer of every message, cost several times as much, most of it garbage.
 */
export class ByteWriter {
  #bytes = Buffer.allocUnsafeSlow(initialBytes);
  #at = 0;

  /** How many bytes have been written since the last `start`. */
  get position(): number {
    return this.#at;
  }

  /** Forgets what has been written, also by an encoder that has failed in the middle. */
  start(): void {
    this.#at = 0;
    if (this.#bytes.length > maxKeptBytes) this.#bytes = Buffer.allocUnsafeSlow(initialBytes);
  }

  byte(value: number): void {
    this.#ensure(1);
    this.#bytes[this.#at++] = value;
  }

  raw(bytes: Uint8Array): void {
    this.#ensure(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Writes text as UTF-8, without its length; returns how many bytes it takes. */
  text(value: string): number {
    const { length } = value;
    this.#ensure(3 * length);
    const bytes = this.#bytes;
    const start = this.#at;
    if (length <= shortText) {
      let index = 0;
      for (let code = 0; index < length; index += 1) {
        code = value.charCodeAt(index);
        if (code > 0x7f) break;
        bytes[start + index] = code;
      }
      if (index === length) {
        this.#at = start + length;
        return length;
      }
    }
    const written = bytes.write(value, start);
    this.#at = start + written;
    return written;
  }

  int32LE(value: number): void {
    this.#ensure(4);
    this.#at = this.#bytes.writeInt32LE(value, this.#at);
  }

  /** Overwrites four bytes that have been written. */
  setInt32LE(value: number, at: number): void {
    this.#bytes.writeInt32LE(value, at);
  }

  int64LE(value: bigint): void {
    this.#ensure(8);
    this.#at = this.#bytes.writeBigInt64LE(value, this.#at);
  }

  doubleLE(value: number): void {
    this.#ensure(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** Writes a whole number from 0 to `Number.MAX_SAFE_INTEGER` as a protobuf varint. */
  varint(value: number): void {
    this.#ensure(8);
    let left = value;
    while (left > 0x7f) {
      this.#bytes[this.#at++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#bytes[this.#at++] = left;
  }

  /** Begins bytes that are preceded by their length as a varint; returns what `end` needs. */
  begin(): number {
    this.#ensure(1);
    return this.#at++;
  }

  /** Ends them: their length is written where they began. */
  end(start: number): void {
    const length = this.#at - start - 1;
    // Before the position goes back: a larger buffer gets only what is before the position.
    this.#ensure(8);
    if (length > 0x7f) {
      let size = 1;
      for (let left = length; left > 0x7f; left >>>= 7) size += 1;
      this.#bytes.copyWithin(start + size, start + 1, this.#at);
    }
    this.#at = start;
    this.varint(length);
    this.#at += length;
  }

  /** Returns a copy of what has been written. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafe(this.#at);
    this.#bytes.copy(copy, 0, 0, this.#at);
    return copy;
  }

  #ensure(size: number): void {
    const needed = this.#at + size;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
