import type { DescMessage } from '@bufbuild/protobuf';
import { type FieldPlan, type MessagePlan, maxElements, planOf } from './message-plan.ts';
import { ShapeError, tooMany } from './shape-error.ts';

/** The maximum number of values of a message, and of each of its elements: several times what real messages have. */
const VALUES_OF_MESSAGE = 1000;
const VALUES_OF_ELEMENT = 32;
/** Longer than any 64-bit number; parsing a longer one takes quadratic time. */
const NUMBER_MAX_CHARS = 100;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Which names of enums are accepted: those of the contract, or any, for JSON that is converted before it is decoded. */
export type EnumNames = 'contract' | 'any';

/** An open object or array. */
interface Frame {
  readonly isArray: boolean;
  /** The fields of this object. */
  readonly plan: MessagePlan | undefined;
  /** The field of the contract that it is the value of: a list, map or message. */
  readonly field: FieldPlan | undefined;
  /** For errors. */
  readonly name: string;
  commas: number;
  /** The positions of the quotes around the name of the member whose value comes next. */
  keyAt: number;
  keyEnd: number;
}

/** The maximum number of values in JSON of this message, including those of unknown fields. */
export function maxJsonValues(desc: DescMessage): number {
  return VALUES_OF_MESSAGE + VALUES_OF_ELEMENT * maxElements(desc);
}

/**
 * Checks JSON before it is parsed: no list or map has more elements than the contract allows, there are no more than
 * {@link maxJsonValues} values, no number that takes long to parse, and no unknown enum name or nonexistent date,
 * which the decoder would read as something else. Whether it is valid JSON is left to the parser. Takes linear time.
 * @throws ShapeError
 */
export function checkJsonShape(
  desc: DescMessage,
  bytes: Uint8Array,
  enumNames: EnumNames = 'contract',
): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const max = maxJsonValues(desc);
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  let values = 0;

  const countValue = () => {
    if (++values <= max) return;
    throw new ShapeError(`has more than ${max} values`, 'json.max_values').in(...pathTo(frames));
  };

  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case QUOTE: {
        const end = endOfString(text, at);
        if (frame !== undefined) onString(frame, frames, text, at, end, enumNames);
        at = end;
        break;
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        frame = opened(frame, text[at] === OPEN_ARRAY, desc, text);
        frames.push(frame);
        countValue();
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        frames.pop();
        frame = frames.at(-1);
        break;
      case COMMA: {
        if (frame === undefined) break;
        frame.commas++;
        const { field, commas } = frame;
        if (field?.maxItems !== undefined && commas >= field.maxItems) {
          throw tooMany(field.rule, field.maxItems).in(...pathTo(frames));
        }
        countValue();
        break;
      }
      default:
    }
  }
}

/** The frame of an object or array that begins inside this one. */
function opened(frame: Frame | undefined, isArray: boolean, desc: DescMessage, text: Buffer): Frame {
  const common = { isArray, commas: 0, keyAt: 0, keyEnd: 0 };
  if (frame === undefined) return { ...common, plan: planOf(desc), field: undefined, name: '' };
  if (frame.isArray) {
    // An element: its lists and maps belong to the element.
    return { ...common, plan: isArray ? undefined : frame.field?.message, field: undefined, name: '' };
  }
  const key = keyOf(frame, text);
  const member = memberOf(frame, key);
  const name = nameOf(frame, key);
  if (isArray || isMap(member)) return { ...common, plan: undefined, field: member, name };
  return { ...common, plan: member?.message, field: undefined, name };
}

/** The member of this object whose value comes next. In a map, every member is a value, whatever its key. */
function memberOf(frame: Frame, name: string): FieldPlan | undefined {
  return isMap(frame.field) ? frame.field?.message?.byNumber.get(2) : frame.plan?.byJsonName.get(name);
}

/** The name of a member in errors: the field of the contract, otherwise as written. */
function nameOf(frame: Frame, key: string): string {
  return frame.plan?.byJsonName.get(key)?.name ?? key;
}

function isMap(field: FieldPlan | undefined): boolean {
  return field?.maxItems !== undefined && field.rule === 'map.max_pairs';
}

function onString(
  frame: Frame,
  frames: readonly Frame[],
  text: Buffer,
  at: number,
  end: number,
  enumNames: EnumNames,
): void {
  if (!frame.isArray && isKey(text, end)) {
    frame.keyAt = at;
    frame.keyEnd = end;
    return;
  }
  const key = frame.isArray ? '' : keyOf(frame, text);
  const field = frame.isArray ? frame.field : memberOf(frame, key);
  const problem =
    field?.isLong && end - at > NUMBER_MAX_CHARS
      ? `a number has more than ${NUMBER_MAX_CHARS} characters`
      : field?.isEnum && enumNames === 'any'
        ? undefined
        : field?.textProblem?.(unquoted(text, at, end));
  if (problem === undefined) return;
  throw new ShapeError(problem).in(...pathTo(frames), ...(frame.isArray ? [] : [nameOf(frame, key)]));
}

/** Whether the string that ends here is a member's name. */
function isKey(text: Buffer, end: number): boolean {
  let at = end + 1;
  while (isBlank(text[at])) at++;
  return text[at] === COLON;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function keyOf({ keyAt, keyEnd }: Frame, text: Buffer): string {
  return unquoted(text, keyAt, keyEnd);
}

/** The string between two quotes. */
function unquoted(text: Buffer, at: number, end: number): string {
  // No name of a contract is this long.
  if (end - at > 600) return '…';
  const string = text.toString('utf8', at + 1, end);
  if (!string.includes('\\')) return string;
  try {
    return String(JSON.parse(`"${string}"`));
  } catch {
    return string;
  }
}

/** The position of the closing quote; the end of the text where there is none. */
function endOfString(text: Buffer, start: number): number {
  for (let at = start + 1; ; at++) {
    const byte = text[at];
    if (byte === QUOTE || byte === undefined) return at;
    if (byte === BACKSLASH) at++;
  }
}

/** The open list or object, as a path; the index of an element is the commas before it. */
function pathTo(frames: readonly Frame[]): (string | number)[] {
  const path: (string | number)[] = [];
  for (const [depth, frame] of frames.entries()) {
    const outer = frames[depth - 1];
    if (outer === undefined) continue;
    path.push(outer.isArray ? outer.commas : frame.name.slice(0, 64));
    if (path.length === 8) break;
  }
  return path;
}
