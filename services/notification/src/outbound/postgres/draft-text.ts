import type { MailDraft } from '../../domain/draft.ts';

/** Writes a draft as JSON; whole units of amounts as text. NUL is escaped, which Postgres does not accept. */
export function toDraftText(draft: MailDraft): string {
  return JSON.stringify(draft, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}

/** Reads {@link toDraftText}. */
export function fromDraftText(text: string): MailDraft {
  return JSON.parse(text, (name, value) => (name === 'units' ? BigInt(value) : value));
}
