import { hostname, userInfo } from 'node:os';
import { topics } from '@orderflow/contracts';
import { ensureTopics, type Kafka, type OutgoingRecord, type Producer } from '@orderflow/messaging';

/** Manual changes, with who made them: JSON, keyed by what was changed, unlimited retention. */
export const auditTopic = `${topics.orders}.audit`;

/** The operator at the terminal. */
export function whoAmI(): { user: string; host: string } {
  return { user: userInfo().username, host: hostname() };
}

/** The audit record of an operator's action. */
export function auditRecord(
  key: string,
  about: { readonly action: string } & Readonly<Record<string, string | null>>,
  now: Date,
): OutgoingRecord {
  const { action, ...details } = about;
  return {
    topic: auditTopic,
    key,
    value: JSON.stringify({ action, time: now.toISOString(), ...whoAmI(), ...details }),
    headers: { 'content-type': 'application/json' },
  };
}

/** Sends an audit record. Must be awaited before the action: nothing is changed by hand that is not audited. */
export async function sendAudit(record: OutgoingRecord, kafka: Kafka, producer: Producer): Promise<void> {
  await ensureTopics(kafka, [{ name: auditTopic, partitions: 1, retention: 'unlimited' }]);
  await producer.send([record]);
}
