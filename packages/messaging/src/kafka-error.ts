/**
 * The Kafka protocol's name of an error, such as `MESSAGE_TOO_LARGE`; `undefined` when it is no protocol error.
 * kafkajs wraps what it gave up retrying, so that the name is somewhere along the causes.
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

const fenced = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);

/** Whether it is the answer of a coordinator that has given our partitions away. */
export function isFenced(error: unknown): boolean {
  return fenced.has(kafkaErrorType(error) ?? '');
}

/** Whether an error says that Kafka can't be reached now, so that trying again later is right. */
export function isKafkaOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Only what was worth trying again has been tried too often. Of other errors kafkajs says it of the first cause.
  if (error.name === 'KafkaJSNumberOfRetriesExceeded') return true;
  if (error.cause instanceof Error) return isKafkaOutage(error.cause);
  return 'retriable' in error && error.retriable === true;
}
