import type { Config } from './config.ts';

/** Explains an error of Kafka to the operator; undefined for other errors. */
export function kafkaProblem(error: unknown, { kafkaBrokers }: Config): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const brokers = kafkaBrokers.join(', ');
  if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|Connection (error|timeout)/.test(error.message)) {
    return `Kafka is unavailable at ${brokers}: is it running, and is KAFKA_BROKERS right? (${error.message})`;
  }
  return error.name.startsWith('KafkaJS') ? `Kafka at ${brokers} refused: ${error.message}` : undefined;
}
