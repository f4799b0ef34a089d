import { Refusal } from '../domain/refusal.ts';
import type { MailReader, StoredMail } from '../ports.ts';

/**
 * Returns a mail.
 * @throws Refusal NOTIFICATION_NOT_FOUND
 */
export async function getNotification(reader: Pick<MailReader, 'find'>, id: string): Promise<StoredMail> {
  const found = await reader.find(id);
  if (found !== undefined) return found;
  throw new Refusal('NOTIFICATION_NOT_FOUND', `notification ${id} does not exist`, { notification_id: id });
}
