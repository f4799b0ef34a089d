import { CreateMails } from './2026-11-30-create-mails.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [{ name: '2026-11-30-create-mails', class: CreateMails }];
