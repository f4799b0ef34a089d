import { setTimeout as sleep } from 'node:timers/promises';
import { readers } from '@orderflow/contracts';
import {
  commitExclusively,
  createProducer,
  GroupBusyError,
  openTopicOffsets,
  sendDeadLetters,
  sendUndecodableLetter,
  skipGroup,
  skipMetadata,
  type TopicOffsets,
} from '@orderflow/messaging';
import { crashPoint } from '@orderflow/runtime';
import { auditRecord, auditTopic, sendAudit, whoAmI } from '../audit.ts';
import { type Cli, type Command, CommandError, UsageError } from '../cli.ts';
import { lettersOf } from '../dlq/dead-letter.ts';
import { parseOptions } from '../dlq/options.ts';
import { printableCell } from '../table.ts';
import { type NextRecords, nextRecords, type RecordPosition, wasSkipped } from './next-records.ts';

/** The dead-letter reason of a record that an operator has skipped. */
export const SKIPPED_BY_HAND = 'SKIPPED_BY_HAND';

const HELP = `Usage: pnpm orders records skip TOPIC/PARTITION/OFFSET --group GROUP --reason TEXT [--to OFFSET]

The last resort for a partition that is blocked: makes a consumer group skip the record that it cannot handle.
The record goes to the group's dead letters first, with the reason ${SKIPPED_BY_HAND} and yours, from where
"dlq replay" can send it back; who, when and why is written to topic ${auditTopic}.

  --group GROUP   the group that is blocked, as in the log line "partition paused"
  --reason TEXT   why
  --to OFFSET     the last record to skip, when it is more than one

It must be the group's next record; otherwise nothing is done, and the next one is named. A batch that cannot be
decoded is skipped as a whole: its dead letter has the offsets, and none of its bytes. The group may be running:
it polls for skips every few seconds, and the command waits until it has skipped. Idempotent.`;

/** How long a running group may take to skip: it polls every 5 s, and retries a paused partition as often. */
const PATIENCE_MS = 60_000;
const POLL_MS = 250;

/** `orders records skip` */
export const skip: Command = {
  help: HELP,
  async run(args, cli) {
    const { values, positionals } = parseOptions({
      args,
      options: { group: { type: 'string' }, reason: { type: 'string' }, to: { type: 'string' } },
      allowPositionals: true,
    });
    const [given, ...others] = positionals;
    if (given === undefined || others.length > 0)
      throw new UsageError('One TOPIC/PARTITION/OFFSET is expected.');
    const { reason } = values;
    if (reason === undefined || reason.trim() === '')
      throw new UsageError('A reason is required: --reason TEXT.');
    const position = parsePosition(given, values.group);
    const last = values.to === undefined ? position.offset : offsetOf('--to', values.to);
    if (last < position.offset) throw new UsageError(`--to ${last} is before ${position.offset}.`);

    await using offsets = await openTopicOffsets(cli.kafka);
    const next = await nextRecords(position, last, { cli, offsets });
    if (next === 'passed') {
      if (!(await wasSkipped(position, SKIPPED_BY_HAND, { cli, offsets }))) {
        throw new CommandError(
          `${position.group} is past ${formatRecordPosition(position)}: it is not its next record.`,
        );
      }
      cli.print(`${formatRecordPosition(position)} has been skipped before; ${position.group} is past it.`);
      return;
    }
    await deadLetter(position, next, reason, cli);
    crashPoint('skip-after-letters');
    await moveGroup(position, next, { cli, offsets });
    cli.print(`${position.group} continues with ${position.topic}/${position.partition}/${next.to}.`);
  },
};

/** @throws UsageError */
function parsePosition(text: string, group: string | undefined): RecordPosition {
  const [, topic, partition, offset] = /^([\w.-]{1,249})\/(\d{1,9})\/(\d{1,18})$/.exec(text) ?? [];
  if (topic === undefined) {
    const name = printableCell(text, 80);
    throw new UsageError(
      `"${name}" is not a record: TOPIC/PARTITION/OFFSET is expected, such as orders/0/12.`,
    );
  }
  const groupsOf = readers.filter(([name]) => name === topic).map(([, name]) => name as string);
  if (group === undefined || !groupsOf.includes(group)) {
    const there = readers.map(([name, reader]) => `${name} by ${reader}`).join(', ');
    throw new UsageError(
      groupsOf.length === 0
        ? `No consumer group of this system reads topic ${topic}. Topics and groups: ${there}.`
        : `--group: ${topic} is read by ${groupsOf.join(', ')}.`,
    );
  }
  return { topic, group, partition: Number(partition), offset: offsetOf('OFFSET', offset ?? '') };
}

/** @throws UsageError */
function offsetOf(what: string, text: string): bigint {
  if (!/^\d{1,18}$/.test(text))
    throw new UsageError(`${what} takes a whole number, not "${printableCell(text, 40)}".`);
  return BigInt(text);
}

function formatRecordPosition({ topic, partition, offset }: RecordPosition): string {
  return `${topic}/${partition}/${offset}`;
}

/** Writes the audit record and then the dead letters; resolves after they are acknowledged. */
async function deadLetter(
  position: RecordPosition,
  next: NextRecords,
  reason: string,
  { kafka, print }: Cli,
): Promise<void> {
  const { group } = position;
  const { user, host } = whoAmI();
  const detail = `${reason} (${user}@${host})`;
  const producer = createProducer(kafka);
  try {
    const about = { group, record: formatRecordPosition(position), next_offset: String(next.to), reason };
    const audit = auditRecord(
      formatRecordPosition(position),
      { action: 'record_skipped', ...about },
      new Date(),
    );
    await sendAudit(audit, kafka, producer);
    const letters = next.records.map((record) => ({ record, reason: SKIPPED_BY_HAND, detail }));
    await sendDeadLetters(producer, group, letters);
    if (next.undecodable !== undefined) {
      const offset = (next.records.at(-1)?.offset ?? position.offset - 1n) + 1n;
      await sendUndecodableLetter(producer, next.undecodable, {
        group,
        offset,
        reason: SKIPPED_BY_HAND,
        detail,
      });
    }
    const count = letters.length + (next.undecodable === undefined ? 0 : 1);
    print(
      `${count} dead letter${count === 1 ? '' : 's'} written to ${lettersOf(position.topic, group).topic}.`,
    );
  } finally {
    await producer.close();
  }
}

/** Commits the offset after the records: for the group itself when it does not run, otherwise as a skip. */
async function moveGroup(
  { group, topic, partition, offset }: RecordPosition,
  { to, firstTimestamp }: NextRecords,
  { cli, offsets }: { cli: Cli; offsets: TopicOffsets },
): Promise<void> {
  const { kafka, signal, config } = cli;
  const options = { kafka, signal, sessionTimeoutMs: config.sessionTimeoutMs };
  if ((await offsets.members(group)) === 0) {
    try {
      return await commitExclusively({ group, topic, partition, offset: to }, options);
    } catch (error) {
      if (!(error instanceof GroupBusyError)) throw error;
      throw new CommandError(`A process of ${group} has started meanwhile: run the same command again.`);
    }
  }
  const metadata = skipMetadata({ from: offset, firstTimestamp });
  await commitExclusively({ group: skipGroup(group), topic, partition, offset: to, metadata }, options);
  cli.note(`${group} is running: waiting until it has skipped`);
  const until = performance.now() + PATIENCE_MS;
  while (((await offsets.committed(group, topic)).get(partition) ?? 0n) < to) {
    if (performance.now() > until) {
      throw new CommandError(
        `${group} is running and has not skipped within ${PATIENCE_MS / 1000} s. Stop all of its processes, run the ` +
          'same command again, and start them again.',
      );
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}
