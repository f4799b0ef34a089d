import { readRanges, type TopicOffsets } from '@orderflow/messaging';
import { auditTopic } from '../audit.ts';
import type { Cli } from '../cli.ts';

/** The identity of an edit: the topic and position of the dead letter, and the SHA-256 of the new value. */
export function editKey(deadLetter: string, newSha256: string): string {
  return `${deadLetter} ${newSha256}`;
}

/** Reads the audited edits, as `editKey`s. Other records of the topic are skipped and counted in a note. */
export async function readEdits(
  offsets: TopicOffsets,
  { kafka, note, signal }: Pick<Cli, 'kafka' | 'note' | 'signal'>,
): Promise<ReadonlySet<string>> {
  const edits = new Set<string>();
  let unreadable = 0;
  await readRanges({
    kafka,
    topic: auditTopic,
    ranges: (await offsets.ranges(auditTopic)) ?? [],
    handle(records) {
      for (const { value } of records) {
        const line = auditLine(value);
        if (line === undefined) unreadable += 1;
        const { dead_letter, new_sha256 } = line ?? {};
        if (typeof dead_letter === 'string' && typeof new_sha256 === 'string')
          edits.add(editKey(dead_letter, new_sha256));
      }
    },
    onUndecodable: ({ message }) => note(`skipped: ${message}`),
    signal,
  });
  if (unreadable > 0) note(`${unreadable} records on ${auditTopic} are not JSON objects: skipped`);
  return edits;
}

/** Returns undefined for a record that this program has not written: any client can write to the topic. */
function auditLine(value: Buffer | null): { dead_letter?: unknown; new_sha256?: unknown } | undefined {
  try {
    const line = JSON.parse(value?.toString() ?? 'null');
    return typeof line === 'object' && line !== null ? line : undefined;
  } catch {
    return undefined;
  }
}
