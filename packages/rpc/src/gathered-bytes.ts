/** A piece smaller than this share of the buffer it was read into is copied, so that the buffer can be freed. */
const MIN_PART = 1 / 4;

const nothing = Buffer.alloc(0);

/**
 * Bytes that arrive in pieces, held in one buffer of at most twice their length. Separate pieces would take over a
 * hundred bytes each, and a client may send single bytes. A single piece is not copied when its buffer is not much
 * larger than the piece.
 */
export class GatheredBytes {
  #buffer: Buffer = nothing;
  #length = 0;
  /** Whether the bytes of the buffer after `#length` may be overwritten. */
  #isOwn = false;

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (this.#length === 0 && piece.length >= MIN_PART * piece.buffer.byteLength) {
      this.#buffer = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      this.#isOwn = false;
    } else {
      if (!this.#isOwn || needed > this.#buffer.length) this.#grow(needed);
      this.#buffer.set(piece, this.#length);
    }
    this.#length = needed;
  }

  /** Returns all bytes, in place. */
  peek(): Buffer {
    return this.#length === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.#length);
  }

  /** Removes the first bytes and returns them, in place. */
  take(count: number): Buffer {
    const all = this.peek();
    const isAll = count === all.length;
    this.#buffer = isAll ? nothing : all.subarray(count);
    this.#length -= count;
    this.#isOwn = false;
    return isAll ? all : all.subarray(0, count);
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafe(this.#length === 0 ? needed : 2 * needed);
    grown.set(this.peek());
    this.#buffer = grown;
    this.#isOwn = true;
  }
}
