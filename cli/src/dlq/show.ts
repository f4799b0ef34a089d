import { openTopicOffsets, type ReceivedRecord, readRanges } from '@orderflow/messaging';
import { type Command, CommandError, UsageError } from '../cli.ts';
import { printable } from '../table.ts';
import {
  formatPosition,
  type Letters,
  type Position,
  parsePosition,
  rangesAround,
  rangesOf,
} from './dead-letter.ts';
import { decode } from './decode.ts';
import { hexView } from './hex.ts';
import { LETTERS_HELP, lettersOptions, parseOptions, readLetters } from './options.ts';
import { restoreLetter } from './restore.ts';

const HELP = `Usage: pnpm orders dlq show PARTITION/OFFSET [options]

Shows one dead letter completely: its key and headers, its content if it can be read, and its bytes.

  --full          everything; otherwise the content and the bytes are cut after 4 KiB
${LETTERS_HELP}`;

const CUT_BYTES = 4_096;

/** Formats one dead letter. */
export function describeLetter(
  letter: ReceivedRecord,
  letters: Letters,
  { full }: { full: boolean },
): string {
  const { value, key, headers, rawHeaders, timestamp } = letter;
  const decoded = decode(value, headers);
  const lines = [
    `Dead letter ${formatPosition(letter)} of ${letters.topic}`,
    `timestamp: ${timestamp.toISOString()}`,
    `key: ${key === null ? '(none)' : showBytes(key)}`,
    '',
    'Headers',
    ...Object.entries(rawHeaders).flatMap(([name, given]) =>
      [given].flat().map((one) => `  ${printable(name)}: ${showBytes(one)}`),
    ),
    '',
    decoded.ok ? `Content (${decoded.format})` : 'Content',
    decoded.ok ? cutText(printable(decoded.json()), full) : `  cannot be read: ${printable(decoded.problem)}`,
  ];
  if (value !== null && value.length > 0) {
    lines.push('', `Bytes (${value.length})`, hexView(full ? value : value.subarray(0, CUT_BYTES)));
    if (!full && value.length > CUT_BYTES)
      lines.push(`… ${value.length - CUT_BYTES} more bytes: --full shows them`);
  }
  return lines.join('\n');
}

function cutText(text: string, full: boolean): string {
  if (full || text.length <= CUT_BYTES) return text;
  return `${text.slice(0, CUT_BYTES)}\n… ${text.length - CUT_BYTES} more characters: --full shows them`;
}

/** Formats bytes as text if they are text, otherwise in hex. */
function showBytes(bytes: Uint8Array | string | null | undefined): string {
  if (bytes == null) return '(none)';
  if (typeof bytes === 'string') return printable(bytes);
  const text = Buffer.from(bytes).toString('utf8');
  return Buffer.from(text).equals(bytes) ? printable(text) : `0x${Buffer.from(bytes).toString('hex')}`;
}

/** `orders dlq show` */
export const show: Command = {
  help: HELP,
  async run(args, { kafka, print, signal }) {
    const { values, positionals } = parseOptions({
      args,
      options: { ...lettersOptions, full: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    const [given, ...more] = positionals;
    if (given === undefined || more.length > 0) {
      throw new UsageError('One PARTITION/OFFSET of a dead letter is expected, such as 0/12.');
    }
    const position: Position = parsePosition(given);
    const letters = readLetters(values);
    await using offsets = await openTopicOffsets(kafka);
    const found: ReceivedRecord[] = [];
    await readRanges({
      kafka,
      topic: letters.topic,
      ranges: rangesAround([position], letters, await rangesOf(letters, offsets)),
      handle: (records) => void found.push(...records),
      signal,
    });
    const [letter] = found;
    if (letter === undefined) throw new CommandError(`The dead letter ${given} has been deleted meanwhile.`);
    const whole = await restoreLetter(letter, { kafka, signal }).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      print(`${error.message}\n`);
      return letter;
    });
    print(describeLetter(whole, letters, values));
  },
};
