/**
 * The Kafka protocol's name of an error, such as `MESSAGE_TOO_LARGE`; `undefined` when it is not a protocol error.
 * kafkajs wraps the error after its last retry, so the name may be on any of the causes.
 */
export function kafkaErrorType(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('type' in current && typeof current.type === 'string') return current.type;
  }
  return undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const refusals = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
]);

/** A record that no client can encode: a part of it is neither text nor bytes. Thrown before Kafka is called. */
export class UnencodableRecordError extends Error {
  override readonly name = 'UnencodableRecordError';
}

/**
 * Whether a record will never be accepted: the broker refuses it, or it cannot be encoded. Other errors, including
 * kafkajs' own TypeErrors, need not be caused by the record.
 */
export function isPermanentRefusal(error: unknown): boolean {
  if (error instanceof UnencodableRecordError) return true;
  return refusals.has(kafkaErrorType(error) ?? '');
}

const fenced = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);

/** Whether a coordinator says that our partitions belong to another member. */
export function isFenced(error: unknown): boolean {
  return fenced.has(kafkaErrorType(error) ?? '');
}

/** Whether an error says that Kafka is unavailable, so that retrying later can succeed. */
export function isKafkaOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Only retriable errors exhaust their retries. For other errors kafkajs sets `retriable` from the first cause.
  if (error.name === 'KafkaJSNumberOfRetriesExceeded') return true;
  if (error.cause instanceof Error) return isKafkaOutage(error.cause);
  return 'retriable' in error && error.retriable === true;
}
