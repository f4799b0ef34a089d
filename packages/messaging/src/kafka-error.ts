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
