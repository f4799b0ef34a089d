import type { DescMessage } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { type FieldPlan, type MessagePlan, planOf } from './message-plan.ts';
import { ShapeError, tooMany } from './shape-error.ts';

/** The limit of the decoder. */
const MAX_DEPTH = 100;

/** The counts of each list and map of a message so far, including nested messages, because their parts are merged. */
type Counts = Map<FieldPlan, number | Counts>;

/**
 * Checks encoded protobuf before it is decoded: no list or map has more elements than the contract allows (1,000 where
 * it has no rule), and the bytes are structured as the message type says. The second check supports the first: a
 * lenient decoder (one that accepts a field of another wire type, or reads past the end of a message) would find
 * elements that this has not counted. Takes time linear in the bytes, and no memory per element.
 * @throws ShapeError
 */
export function checkWireShape(desc: DescMessage, bytes: Uint8Array): void {
  new Walk(bytes).message(planOf(desc), bytes.length, undefined, 1);
}

class Walk {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** `counts`: those of earlier parts of this message, where there may be some. */
  message(plan: MessagePlan, end: number, counts: Counts | undefined, depth: number): void {
    if (depth > MAX_DEPTH) throw new ShapeError(`messages are nested more than ${MAX_DEPTH} deep`);
    let seen = counts;
    while (this.#at < end) {
      const tag = this.#tag();
      const field = plan.byNumber.get(tag >>> 3);
      if (field === undefined) {
        this.#skip(tag, end, depth);
        continue;
      }
      if (field.maxItems === undefined && field.message === undefined) {
        if ((tag & 7) !== field.wireType) throw wrongWireType(field);
        this.#value(field.wireType, end);
        continue;
      }
      seen ??= new Map();
      this.#holder(field, tag & 7, end, seen, depth);
    }
    if (this.#at !== end) throw cutOff();
  }

  /** Reads a list, a map or a message. */
  #holder(field: FieldPlan, wireType: number, end: number, seen: Counts, depth: number): void {
    if (wireType !== field.wireType && !(field.packable && wireType === WireType.LengthDelimited)) {
      throw wrongWireType(field);
    }
    let index: number | undefined;
    if (field.maxItems !== undefined) {
      index = (seen.get(field) as number | undefined) ?? 0;
      const isRun = wireType !== field.wireType;
      const count = index + (isRun ? this.#run(field.wireType, end) : 1);
      if (count > field.maxItems) throw tooMany(field.rule, field.maxItems).in(field.name);
      seen.set(field, count);
      if (isRun) return;
    }
    if (field.message === undefined) {
      this.#value(field.wireType, end);
      return;
    }
    const messageEnd = this.#end(end);
    try {
      this.message(
        field.message,
        messageEnd,
        index === undefined ? within(seen, field) : undefined,
        depth + 1,
      );
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      throw index === undefined ? error.in(field.name) : error.in(field.name, index);
    }
  }

  /** Counts the numbers of a packed list and moves past them. */
  #run(wireType: WireType, end: number): number {
    const runEnd = this.#end(end);
    let count = 0;
    while (this.#at < runEnd) {
      this.#value(wireType, runEnd);
      count++;
    }
    return count;
  }

  #value(wireType: number, end: number): void {
    switch (wireType) {
      case WireType.Varint:
        this.#varint();
        break;
      case WireType.Bit64:
        this.#at += 8;
        break;
      case WireType.Bit32:
        this.#at += 4;
        break;
      case WireType.LengthDelimited:
        this.#at = this.#end(end);
        break;
      default:
        throw new ShapeError('a tag has an invalid wire type');
    }
    if (this.#at > end) throw cutOff();
  }

  /** Moves past an unknown field; past a group without recursion. */
  #skip(tag: number, end: number, depth: number): void {
    if ((tag & 7) !== WireType.StartGroup) {
      this.#value(tag & 7, end);
      return;
    }
    const open = [tag >>> 3];
    while (open.length > 0) {
      if (this.#at >= end) throw cutOff();
      if (depth + open.length > MAX_DEPTH) {
        throw new ShapeError(`groups are nested more than ${MAX_DEPTH} deep`);
      }
      const inner = this.#tag();
      if ((inner & 7) === WireType.StartGroup) open.push(inner >>> 3);
      else if ((inner & 7) !== WireType.EndGroup) this.#value(inner & 7, end);
      else if (open.pop() !== inner >>> 3)
        throw new ShapeError('the end of a group does not match its start');
    }
  }

  #tag(): number {
    const tag = this.#uint32();
    if (tag >>> 3 === 0) throw new ShapeError('a tag has the field number 0');
    return tag;
  }

  /** The end of a length-prefixed value. */
  #end(end: number): number {
    const length = this.#uint32();
    const valueEnd = this.#at + length;
    if (valueEnd > end) throw cutOff();
    return valueEnd;
  }

  #uint32(): number {
    const first = this.#bytes[this.#at];
    if (first !== undefined && first < 0x80) {
      this.#at++;
      return first;
    }
    const start = this.#at;
    this.#varint();
    const length = this.#at - start;
    const last = this.#bytes[this.#at - 1] ?? 0;
    if (length > 5 || (length === 5 && last > 0x0f)) throw new ShapeError('a length or a tag is too large');
    let value = 0;
    for (let index = 0; index < length; index++) {
      value += ((this.#bytes[start + index] ?? 0) & 0x7f) * 2 ** (7 * index);
    }
    return value;
  }

  /** Moves past a number of at most ten bytes. */
  #varint(): void {
    const limit = this.#at + 10;
    for (;;) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw cutOff();
      if (byte < 0x80) return;
      if (this.#at === limit) throw new ShapeError('a number is longer than ten bytes');
    }
  }
}

/** The counts of a message that may be encoded in several parts, which are merged. */
function within(seen: Counts, field: FieldPlan): Counts | undefined {
  if (field.message?.isFlat) return undefined;
  let counts = seen.get(field) as Counts | undefined;
  if (counts === undefined) {
    counts = new Map();
    seen.set(field, counts);
  }
  return counts;
}

function wrongWireType(field: FieldPlan): ShapeError {
  return new ShapeError('is not encoded as the type of the field is').in(field.name);
}

function cutOff(): ShapeError {
  return new ShapeError('a value exceeds the end of its message');
}
