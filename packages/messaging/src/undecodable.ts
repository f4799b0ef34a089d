import type { KafkaMessage } from 'kafkajs';
import { messageOf } from './kafka-error.ts';

/** A record batch cannot be decoded: it expands beyond the limit, or is malformed. */
export class UndecodableBatchError extends Error {
  override readonly name = 'UndecodableBatchError';
  /** Without the prefix. */
  readonly topic: string;
  readonly partition: number;
  /** The first offset of the batch. If a record within it is malformed, those before it may have been handled. */
  readonly baseOffset: bigint;
  /** The last offset of the batch. Reading can continue after it. */
  readonly lastOffset: bigint;

  constructor(batch: {
    topic: string;
    partition: number;
    baseOffset: bigint;
    lastOffset: bigint;
    cause: unknown;
  }) {
    const { topic, partition, baseOffset, lastOffset, cause } = batch;
    super(
      `${topic}/${partition}: the record batch with the offsets ${baseOffset} to ${lastOffset} cannot be decoded: ` +
        messageOf(cause),
      { cause },
    );
    this.topic = topic;
    this.partition = partition;
    this.baseOffset = baseOffset;
    this.lastOffset = lastOffset;
  }
}

/** The placeholder with which the patched kafkajs ends the records of a fetch when it cannot decode the next one. */
interface PlaceholderMessage {
  readonly undecodable?: unknown;
  readonly baseOffset: string;
  readonly lastOffset: string;
}

/** Separates the decoded records of one partition of a fetch from the undecodable batch, which is always at the end. */
export function decodable(
  topic: string,
  partition: number,
  messages: readonly KafkaMessage[],
): { messages: readonly KafkaMessage[]; undecodable?: UndecodableBatchError } {
  const last = messages.at(-1) as Partial<PlaceholderMessage> | undefined;
  if (last?.undecodable === undefined) return { messages };
  const undecodable = new UndecodableBatchError({
    topic,
    partition,
    baseOffset: BigInt(last.baseOffset ?? 0),
    lastOffset: BigInt(last.lastOffset ?? 0),
    cause: last.undecodable,
  });
  return { messages: messages.slice(0, -1), undecodable };
}
